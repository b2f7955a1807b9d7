"""How a task is trained: its labels, head, loss and metrics, and how labels change in a mirrored
image.

Legend: N recorded frames, B samples of a batch, E ego inputs. Quantities are in physical units
(radians, metres, m/s) unless a name or docstring says "scaled": a scaled quantity is the physical
one divided by `Task.scale`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from auxdrive.cards import DatasetCard, TensorSpec
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import ConfigError, DataError
from auxdrive.output_form import OutputForm
from auxdrive.steering import SteeringSpec
from auxdrive.tasks import TASKS as SPECS
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import AnyArray, Float32, Float64
from numpy.typing import NDArray
from torch import Tensor, nn

from auxdrive_train.tasks.view import View


@dataclass(frozen=True)
class Labels:
    """What a task reads from the recorded state of one episode.

    Attributes:
        valid: bool (N,), the frames that can be trained on.
        ego: float32 (N, E), zero for frames that are not valid.
        label: float32 (N, *label_shape), zero for frames that are not valid.

    Examples:
        >>> import numpy as np
        >>> from auxdrive_train import Labels
        >>> labels = Labels(
        ...     valid=np.array([True, False]),
        ...     ego=np.zeros((2, 0), np.float32),
        ...     label=np.array([[0.1], [0.0]], np.float32),
        ... )
        >>> int(labels.valid.sum())
        1
    """

    valid: NDArray[np.bool_]
    ego: Float32
    label: Float32


class Task(ABC):
    """How one task is trained. Subclasses are frozen dataclasses without state. What a vehicle must
    know of the task is in `spec`.

    Attributes:
        name: as in `TASKS` and in `auxdrive.tasks.TASKS`.
        scale: physical units per network unit: the network's raw output times `scale` is the
            physical prediction.
        primary_metric: the metric by which checkpoints are compared.
        higher_is_better: whether a larger primary metric is better.
        times_s: how many seconds after the image the predicted quantities are reached, if the card
            says so (`waypoint_times_s`).
        class_names: of the classes that it tells apart, if the card names some.
        reads_plan: whether its labels are the expert's plans, which are right whoever drove. Its
            records then have the fields of `PLAN_DTYPE` too, where the episode has plans
            (`auxdrive.data.plan.with_plan`).
        has_probabilities: whether its predictions are rows of probabilities, which can be softened.
        recipe: a file with the task's own defaults of settings (`auxdrive_train.engine.recipes`);
            None for the general defaults.

    Examples:
        >>> import torch
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> task = SteeringTask()
        >>> task.primary_metric, task.label_shape
        ('rmse_road_wheel_deg', (1,))
        >>> task.loss_per_sample(torch.tensor([[2.0]]), torch.tensor([[1.0]]))
        tensor([1.])
    """

    recipe: ClassVar[Path | None] = None
    reads_plan: ClassVar[bool] = False
    has_probabilities: ClassVar[bool] = False
    name: str
    scale: float
    primary_metric: str
    higher_is_better: bool = False
    times_s: tuple[float, ...] = ()
    class_names: tuple[str, ...] = ()

    @classmethod
    def of_dataset(cls, card: DatasetCard) -> Self:
        """The task for a data set with this card."""
        del card
        return cls()

    @cached_property
    def spec(self) -> TaskSpec:
        """What a vehicle must know of the task."""
        return SPECS[self.name]

    @cached_property
    def ego(self) -> EgoLayout:
        """The ego inputs, and their columns in `Batch.ego_be`."""
        return EgoLayout(self.spec.ego_inputs)

    @property
    def form(self) -> OutputForm:
        """What a card says of its output."""
        return OutputForm(self.times_s, self.class_names)

    @property
    def output(self) -> TensorSpec:
        """The graph's output, in physical units."""
        return self.spec.output(self.form)

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of one label."""
        return self.spec.shape(self.form)

    @abstractmethod
    def labels(self, state: AnyArray, rate_hz: float) -> Labels:
        """The labels of one episode.

        Args:
            state: its records, `auxdrive.data.state.STATE_DTYPE` (N,).
            rate_hz: frames per second of the data set.

        Raises:
            DataError: the records are not of one episode (wrong dtype, or time that does not
                increase).
        """

    @abstractmethod
    def head(self, feature_dim: int, dropout: float) -> nn.Module:
        """A new head: features (B, D) and ego inputs (B, E) to predictions (B, *label_shape) in
        physical units.

        Args:
            feature_dim: D.
            dropout: share of features that training sets to zero.
        """

    @abstractmethod
    def loss_per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """The loss of each sample, (B,), with gradients.

        Args:
            prediction: (B, *label_shape), scaled: physical units divided by `scale`.
            label: what was recorded, in the same form.
        """

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """What the loss kd is of each sample, (B,): of a regression the mean squared difference in
        scaled units, which has no temperature.

        Args:
            student: predictions (B, *label_shape) in physical units.
            teacher: likewise.
            temperature: T of tasks with probabilities.
        """
        del temperature
        return (((student - teacher) / self.scale) ** 2).flatten(1).mean(dim=1)

    @abstractmethod
    def metrics(
        self, prediction: AnyArray, label: AnyArray, steering: SteeringSpec
    ) -> dict[str, float]:
        """Metrics over N samples, by name; see `auxdrive_train.tasks.metrics`.

        Args:
            prediction: (N, *label_shape) in physical units.
            label: (N, *label_shape) in physical units.
            steering: the data's steering limits, by which angles are judged.
        """

    @abstractmethod
    def mirror_label(self, label: Tensor) -> Tensor:
        """Labels (or predictions), scaled or not, for images mirrored left to right."""

    def label_from(self, label: Tensor, view: View) -> Tensor:
        """Labels of samples that are shown as displaced vehicles see them: what leads from there
        to where the recorded one drove.

        Args:
            label: (B, *label_shape) in physical units.
            view: where the vehicles are.

        Raises:
            ConfigError: the task cannot tell.
        """
        del label, view
        raise ConfigError(f"the task {self.name} does not say what is right from another place")

    def path(self, label: Float32) -> Float32 | None:
        """The path that labels (N, *label_shape) describe, (N, T, 2) in metres in the ego frame;
        None for a task that describes none.
        """
        del label
        return None


def check_state(state: AnyArray) -> None:
    """Check that records are the state of one episode.

    Raises:
        DataError: they are not structured records, or time is not finite or does not increase.
    """
    if state.ndim != 1 or state.dtype.names is None or "time_s" not in state.dtype.names:
        raise DataError(
            "expected a structured array of records (auxdrive.data.state.STATE_DTYPE), got "
            f"{state.dtype} of shape {state.shape}"
        )
    time_s = np.asarray(state["time_s"], dtype=np.float64)
    if not np.isfinite(time_s).all():
        raise DataError(
            f"time_s of record {int(np.flatnonzero(~np.isfinite(time_s))[0])} is not finite; "
            "record or convert the episode again"
        )
    backwards = np.flatnonzero(np.diff(time_s) <= 0)
    if backwards.size:
        row = int(backwards[0])
        raise DataError(
            f"time_s does not increase after record {row} ({time_s[row]:.6f} s, then "
            f"{time_s[row + 1]:.6f} s); "
            "an episode holds one uninterrupted drive: split the recording there"
        )


def check_predictions(
    prediction: AnyArray, label: AnyArray, label_shape: tuple[int, ...]
) -> tuple[Float64, Float64]:
    """Predictions and labels as float64 (N, *label_shape), once they are fit for metrics.

    Args:
        prediction: what was predicted, in physical units.
        label: what was recorded, in physical units.
        label_shape: the shape of one label, which is that of one prediction.

    Raises:
        DataError: their shapes differ or are not (N, *label_shape), there are none, or a value is
            not finite.
    """
    predicted, truth = (
        np.asarray(prediction, dtype=np.float64),
        np.asarray(label, dtype=np.float64),
    )
    if predicted.shape != truth.shape or predicted.shape[1:] != label_shape:
        raise DataError(
            f"metrics need two arrays of shape (N, {str(label_shape)[1:]}, got {predicted.shape} "
            f"and {truth.shape}"
        )
    if len(predicted) == 0:
        raise DataError(
            "metrics of no samples are undefined; give a validation set that is not empty"
        )
    for name, values in (("predictions", predicted), ("labels", truth)):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise DataError(
                f"{bad} of {values.size} {name} are not finite; the model has diverged or the "
                "labels are damaged"
            )
    return predicted, truth
