"""The folder of a training run: the names of its files, and the records in them.

    config.yaml                         the config, as `auxdrive train` takes it
    dataset.json                        the card of the data set that it was trained on
    run.json                            where the run comes from (`RunRecord`)
    metrics.jsonl                       a line for each finished epoch
    tensorboard/, wandb/                the same for trackers that were asked for
    checkpoints/last.safetensors        the state from which training is resumed
    checkpoints/best.safetensors        the networks after the student's best epoch
    reference/images.npy, ego.npy, labels.npy
                                        real frames for the parity check of an export
    result.json                         what was measured after training (`RunResult`)
    validation.json                     the same by condition, and examples (`ValidationRecord`)
    examples/<name>.jpg                 the examples' images

Nothing here needs torch: training writes runs through this module, and inspection, reports and the
demo read them through it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from auxdrive.cards import InputRange
from auxdrive.errors import DataError
from auxdrive.storage.reading import exists, is_file, open_regular, read_bytes, refusals
from auxdrive.strict import MAX_JSON_BYTES, Model, Strict, parse_model

Metrics = dict[str, float | None]
"""Metrics by name; None where one is no number, such as R2 of labels that do not vary."""

CONFIG_NAME = "config.yaml"
NOT_IN_FINGERPRINT = frozenset({"data", "prefetch", "evaluate", "track", "device", "threads"})
"""Entries of the config that may change when a run is resumed, and differ between runs that are
compared: where the data lie, what is measured after training, which trackers are told, and the
machine. With another number of threads or another device the resumed run is as good, but not equal
to the last bit, since sums are rounded differently.
"""
_LONGEST_LINE = 1 << 20


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
    """

    run: str
    sha256: str
    networks: tuple[str, ...]


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


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run's files, and its records.

    Attributes:
        path: the folder; it need not exist.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive.runs import RunFolder
        >>> folder = RunFolder(Path("runs/samd"))
        >>> folder.is_finished, folder.result_path.name
        (False, 'result.json')
    """

    path: Path

    @property
    def config_path(self) -> Path:
        """`config.yaml`."""
        return self.path / CONFIG_NAME

    @property
    def card_path(self) -> Path:
        """`dataset.json`: the data set's card."""
        return self.path / "dataset.json"

    @property
    def record_path(self) -> Path:
        """`run.json`."""
        return self.path / "run.json"

    @property
    def metrics_path(self) -> Path:
        """`metrics.jsonl`."""
        return self.path / "metrics.jsonl"

    @property
    def result_path(self) -> Path:
        """`result.json`."""
        return self.path / "result.json"

    @property
    def events_dir(self) -> Path:
        """`tensorboard/`."""
        return self.path / "tensorboard"

    @property
    def checkpoints_dir(self) -> Path:
        """`checkpoints/`."""
        return self.path / "checkpoints"

    @property
    def last_path(self) -> Path:
        """`checkpoints/last.safetensors`."""
        return self.checkpoints_dir / "last.safetensors"

    @property
    def best_path(self) -> Path:
        """`checkpoints/best.safetensors`."""
        return self.checkpoints_dir / "best.safetensors"

    @property
    def reference_images_path(self) -> Path:
        """`reference/images.npy`: uint8 (N, H, W, 3)."""
        return self.path / "reference" / "images.npy"

    @property
    def reference_ego_path(self) -> Path:
        """`reference/ego.npy`: float32 (N, E), the ego inputs of the same frames."""
        return self.path / "reference" / "ego.npy"

    @property
    def reference_labels_path(self) -> Path:
        """`reference/labels.npy`: float32 (N, *shape), the recorded labels of the same frames."""
        return self.path / "reference" / "labels.npy"

    @property
    def validation_path(self) -> Path:
        """`validation.json`."""
        return self.path / "validation.json"

    @property
    def examples_dir(self) -> Path:
        """`examples/`."""
        return self.path / "examples"

    def example_path(self, name: str) -> Path:
        """The image of the example with that name."""
        return self.examples_dir / f"{name}.jpg"

    @property
    def is_run(self) -> bool:
        """Whether a run was begun in the folder."""
        return is_file(self.config_path)

    @property
    def is_finished(self) -> bool:
        """Whether the run was trained to its end and measured."""
        return is_file(self.result_path)

    def record(self) -> RunRecord:
        """What `run.json` holds.

        Raises:
            DataError: there is none, or it is damaged.
        """
        return _read(self.record_path, RunRecord)

    def result(self) -> RunResult:
        """What `result.json` holds.

        Raises:
            DataError: the run has not finished training, or the file is damaged.
        """
        if not exists(self.result_path):
            raise DataError(
                f"{self.path} has not finished training: it has no result.json. Finish it with "
                "--resume first"
            )
        return _read(self.result_path, RunResult)

    def epochs(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, one for each finished epoch in the order of training: its
        `phase`, `epoch` and `role`, and the metrics by name. A last line that is still being
        written is left out.

        Raises:
            DataError: there is none, or another line is damaged.
        """
        found = []
        for number, (line, value) in enumerate(self.epoch_lines(), start=1):
            if value is None and line.endswith(b"\n"):
                raise DataError(f"{self.metrics_path} is damaged: line {number} is no JSON object")
            if value is not None:
                found.append(value)
        return found

    def epoch_lines(self) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
        """Each line of `metrics.jsonl` and the JSON object in it (None where there is none). A line
        of more than a mebibyte is given in pieces.

        Raises:
            DataError: there is no such file, or it cannot be read.
        """
        with open_regular(self.metrics_path) as file, refusals(self.metrics_path):
            for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):  # text that is no UTF-8 is a ValueError too
                    value = None
                yield line, value if isinstance(value, dict) else None


def _read(path: Path, model: type[Model]) -> Model:
    data = read_bytes(path, MAX_JSON_BYTES)
    try:
        return parse_model(data, model, "it")
    except DataError as error:
        raise DataError(
            f"{path} is damaged: {error}. Finish the run again with --resume"
        ) from error
