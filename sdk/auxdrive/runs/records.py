"""The records in a run's folder: `run.json`, `result.json` and `validation.json`."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from auxdrive.cards import InputRange
from auxdrive.strict import Strict, without_empty

Metrics = dict[str, float | None]
"""Metrics by name; None where one is no number, such as R2 of labels that do not vary."""


class MeasuredOn(Strict):
    """What a split is, and how far in time it lies from the training data.

    Attributes:
        how: what it is, in words.
        apart_s: the shortest time between one of its frames and a training frame; None where they
            share no session.
    """

    how: str
    apart_s: float | None


class InitialWeights(Strict):
    """The weights that a run starts from, if they are another run's (`init_from`).

    Attributes:
        run: the other run's folder, as it was given.
        sha256: of the other run's `checkpoints/best.safetensors`.
        networks: the names of those that start from it; the others start from fresh weights.
        fine_tuned_for: the precision that the student is fine-tuned for (`quantize`). None, and not
            in the file, where it is not.
    """

    run: str
    sha256: str
    networks: tuple[str, ...]
    fine_tuned_for: str | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_empty(handler(self), "fine_tuned_for")


class RunRecord(Strict):
    """`run.json`: where a run comes from, written before its first step.

    Attributes:
        auxdrive_version: the version of auxdrive that trains.
        torch: the version of torch.
        commit: of the code that trains, with "+changes" where the checkout has uncommitted changes;
            empty where the code is no checkout.
        dataset_sha256: the data set's fingerprint (`auxdrive.data.dataset.Dataset.fingerprint`).
        seed: as in `config.yaml`, for readers without YAML. So are the next five.
        method: likewise.
        task: likewise.
        backbone: likewise.
        main: likewise, the modality of the student.
        aux: likewise, the auxiliary modalities.
        measured_on: what each split is, by the split's name.
        camera_faults: how many images show nothing (`auxdrive.data.camera_faults.CameraFaults`).
        input_ranges: the range of each ego input in the training samples, by its name; None in runs
            from before it was recorded.
        init_from: the weights that it starts from; None where they are drawn from the seed.
    """

    auxdrive_version: str
    torch: str
    commit: str
    dataset_sha256: str
    seed: int
    method: str
    task: str
    backbone: str
    main: str
    aux: tuple[str, ...]
    measured_on: dict[str, MeasuredOn]
    camera_faults: dict[str, int]
    input_ranges: dict[str, InputRange] | None = None
    init_from: InitialWeights | None = None


class PhaseResult(Strict):
    """A finished phase of training.

    Attributes:
        name: the phase's name within the method.
        epochs: how many it had.
        watch: the role that was validated after each epoch.
        best: that role's main metric on the validation part after its best epoch; None where it was
            no number.
        last: the same metric after the last epoch.
    """

    name: str
    epochs: int
    watch: str
    best: float | None
    last: float | None


class RunResult(Strict):
    """`result.json`: what was measured after training.

    Attributes:
        method: the method that trained the run.
        best: `phase` and `epoch` of the student's best epoch, and the main metric there under the
            metric's own name.
        roles: for each role the phase at whose end its network was measured.
        phases: in the order in which they were trained.
        steps: how many optimiser steps there were in all.
        trained_s: the seconds that these took.
        metrics: by split, role and name. Metrics that a method computes over all roles together
            stand under the role 'all'.
        floor: the metrics of predictions that need no network, by split, kind and name.
    """

    method: str
    best: dict[str, str | int | float | None]
    roles: dict[str, str] = Field(default={})
    phases: tuple[PhaseResult, ...]
    steps: int
    trained_s: float
    metrics: dict[str, dict[str, Metrics]]
    floor: dict[str, dict[str, Metrics]] = Field(default={})

    @property
    def main_metrics(self) -> tuple[str, ...]:
        """The names of the metrics in `best`, by which checkpoints are compared."""
        return tuple(name for name in self.best if name not in ("phase", "epoch"))


class Condition(Strict):
    """The metrics over the frames of one condition, such as "speed below 2 m/s".

    Attributes:
        frames: how many there are.
        metrics: the model's.
        constant: the same metrics of the best constant prediction, as in the floor.
    """

    frames: int
    metrics: Metrics
    constant: Metrics


class Example(Strict):
    """A frame of the validation part and the prediction for it.

    Attributes:
        name: of its image file, without the ending: "worst-1".
        rank: "best", "median" or "worst" by its error.
        error: how far the prediction is from the label on average, in `unit` (`TaskSpec.apart`).
        unit: the task's `parity_unit`.
        episode: the id of its episode in the data set.
        frame: its index within the episode.
        ego: the ego inputs, by name.
        shape: of a row of the task.
        prediction: the numbers of the predicted row, one after the other.
        label: those of the recorded row, likewise.
    """

    name: str = Field(pattern=r"^[a-z]+-[0-9]+$")
    rank: Literal["best", "median", "worst"]
    error: float
    unit: str
    episode: str
    frame: int
    ego: dict[str, tuple[float, ...]]
    shape: tuple[Annotated[int, Field(ge=1)], ...]
    prediction: tuple[float, ...]
    label: tuple[float, ...]

    @model_validator(mode="after")
    def _rows_of_the_shape(self) -> Self:
        if not len(self.prediction) == len(self.label) == math.prod(self.shape):
            raise ValueError(f"prediction and label are no rows of the shape {self.shape}")
        return self


class ValidationRecord(Strict):
    """`validation.json`: how the role by which the best epoch was chosen does on the validation
    part, measured after training.

    Attributes:
        role: its name.
        task: what it predicts, a name in `auxdrive.tasks.TASKS`.
        main_metric: the task's metric by which checkpoints are compared.
        conditions: the metrics by the condition, which says what the vehicle did.
        examples: frames, from the best to the worst.
    """

    role: str
    task: str
    main_metric: str
    conditions: dict[str, Condition]
    examples: tuple[Example, ...]
