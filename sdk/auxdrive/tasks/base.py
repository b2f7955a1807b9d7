"""What a vehicle must know of a task.

Legend: N frames; a "row" is the output of a model's graph for one frame.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.output_form import OutputForm
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float32, Float64, Prediction


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """How large a prediction may be.

    Attributes:
        largest: the largest size (`TaskSpec.size`) that is allowed.
        unit: of the size.
        what: what the size is, for messages.
    """

    largest: float
    unit: str
    what: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a prediction is drawn on a page or an image.

    Attributes:
        text: the prediction in a few characters.
        path_p2: (P, 2), a path in the ego frame in metres; a single point where there is none.
        marks: whether the points of the path are predicted ones; they are then marked.
    """

    text: str
    path_p2: Float32 = field(default_factory=lambda: np.zeros((1, 2), np.float32))
    marks: bool = False


class TaskSpec(ABC):
    """What a vehicle must know of a task: what its models take and give, and what their numbers
    mean. Training has its own half (`auxdrive_train.Task`).

    A model gives one output. The methods as they stand here suit a task of a few numbers for which
    `Prediction` has no field: they are put into `Prediction.values` under the output's name.
    Subclasses override what is different for them.

    Attributes:
        name: as in `TASKS`, in cards and in `--task`.
        predicts: what is predicted, for people.
        output_name: the name of the graph's output, with its unit.
        output_unit: the unit of its numbers.
        output_frame: the coordinate frame of its numbers; empty where the name says it.
        axes: the axes of a row as documentation shows them, each a number or a letter.
        ego_inputs: the names of the inputs beside the image that its models take, in their order.
        parity_unit: the unit in which two predictions are compared, see `apart`.
        parity_limit: how far the exported graph's predictions may be from those of the trained
            student, in that unit.
        precision_limits: the largest and the mean difference in that unit by which a graph in a
            lower precision (fp16, int8) may depart from the one in float32 to enter a bundle; None
            where whoever exports must say them.
        controller: the name of the controller that drives by its predictions; None where there is
            none.

    Examples:
        >>> from auxdrive import TaskSpec
        >>> from auxdrive.tasks.base import OutputLimit
        >>> class Speed(TaskSpec):
        ...     name, predicts = "speed", "the speed that the driver would choose"
        ...     output_name, output_unit = "chosen_mps", "m/s"
        ...     parity_unit, parity_limit = "m/s", 0.01
        ...
        ...     def limit(self, steering):
        ...         return OutputLimit(60.0, "m/s", "largest speed")
        >>> speed = Speed()
        >>> speed.text(speed.example())
        '0.000 m/s'
    """

    name: ClassVar[str]
    predicts: ClassVar[str]
    output_name: ClassVar[str]
    output_unit: ClassVar[str]
    output_frame: ClassVar[str] = ""
    axes: ClassVar[tuple[str, ...]] = ("1",)
    ego_inputs: ClassVar[tuple[str, ...]] = ()
    parity_unit: ClassVar[str]
    parity_limit: ClassVar[float]
    precision_limits: ClassVar[tuple[float, float] | None] = None
    controller: ClassVar[str | None] = None

    # The graph's output

    def shape(self, form: OutputForm) -> tuple[int, ...]:
        """The shape of a row.

        Args:
            form: what the card says of it.
        """
        del form
        return tuple(int(axis) for axis in self.axes)

    def output(self, form: OutputForm) -> TensorSpec:
        """The graph's output, float32 of the shape (batch, *shape).

        Args:
            form: what the card says of it.
        """
        return TensorSpec(
            name=self.output_name,
            shape=("batch", *self.shape(form)),
            dtype="float32",
            unit=self.output_unit,
            frame=self.output_frame,
        )

    def form_mistakes(self, form: OutputForm) -> Iterator[str]:
        """What is wrong with a card's `waypoint_times_s` and `class_names`. Most tasks have
        neither.
        """
        if form.times_s:
            yield f"waypoint_times_s: a {self.name} model has none"
        if form.class_names:
            yield f"class_names: a {self.name} model has none"

    # Sizes and differences

    def apart(self, difference: Float64) -> Float64:
        """How far apart predictions are.

        Args:
            difference: of N pairs of predictions, (N, *shape) in the output's unit.

        Returns:
            The distances, (N, ...) in `parity_unit`.
        """
        return np.abs(difference)

    @abstractmethod
    def limit(self, steering: SteeringSpec) -> OutputLimit:
        """How large a prediction may be for a vehicle with this steering."""

    def size(self, row: Sequence[Any], form: OutputForm) -> float:
        """The size of a row, in the unit of `limit`; infinite where a number is not finite.

        Args:
            row: as nested lists.
            form: what the card says of it.
        """
        del form
        largest = float(np.abs(np.asarray(row, np.float64)).max())
        return largest if math.isfinite(largest) else math.inf

    # From a row to a prediction, and how people are shown it

    def fields(self, row: Float32) -> dict[str, Any]:
        """The fields of `Prediction`, by name, that hold a row of this task's `shape`."""
        return {"values": {self.output_name: row}}

    def row(self, prediction: Prediction) -> Float32:
        """The row that a prediction holds, (*shape): the inverse of `fields`."""
        return prediction.values[self.output_name]

    def made(self, prediction: Prediction) -> bool:
        """Whether a prediction holds a row of this task."""
        return self.output_name in prediction.values

    @property
    def field(self) -> str:
        """How a program reads the row from a `Prediction`: what stands after `prediction.`"""
        return f'values["{self.output_name}"]'

    def text(self, prediction: Prediction) -> str:
        """A prediction as a terminal shows it. It must not be withheld."""
        numbers = prediction.values[self.output_name].ravel().tolist()
        return f"{' '.join(f'{number:.3f}' for number in numbers)} {self.output_unit}".strip()

    def cells(self, prediction: Prediction) -> dict[str, float | None]:
        """A prediction as columns of a table, by their names; None where it is withheld."""
        size = math.prod(self.shape(prediction.form))
        names = [self.output_name, *(f"{self.output_name}_{k}" for k in range(1, size))]
        row = prediction.values.get(self.output_name)
        return dict(zip(names, [None] * size if row is None else row.ravel().tolist(), strict=True))

    def drawing(self, row: Float32) -> Drawing:
        """How a row of this task's `shape` is drawn on a page or an image."""
        return Drawing(" ".join(f"{number:.2f}" for number in row.ravel().tolist()))

    def describe(self, form: OutputForm) -> str:
        """What is predicted, as a bundle's page says it.

        Args:
            form: what the card says of it.
        """
        del form
        return self.predicts

    def metrics_note(self, card: ModelCard) -> str:
        """What a reader of a bundle's metrics must know of them, in a few sentences; empty where
        there is nothing.
        """
        del card
        return ""

    def example(self) -> Prediction:
        """A prediction of zeros at the time 1 s, with which a controller can be tried."""
        row = np.zeros(self.shape(OutputForm()), np.float32)
        return Prediction(1.0, 0.0, **self.fields(row))
