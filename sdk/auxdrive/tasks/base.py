"""What a vehicle must know of a task.

Legend: N frames; "row": what a model's graph gives for one frame, without the axis of frames.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float32, Float64, Prediction


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """The largest size that a prediction may have; the size is that of `TaskSpec.size`."""

    largest: float
    unit: str
    what: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A prediction as it is drawn on a page or an image.

    Attributes:
        text: in a few characters.
        path_p2: (P, 2), a path in the ego frame in metres; one point for none.
        marks: whether the path's points are predicted ones, and marked.
    """

    text: str
    path_p2: Float32 = field(default_factory=lambda: np.zeros((1, 2), np.float32))
    marks: bool = False


class TaskSpec(ABC):
    """A task whose students give one output. Subclasses say what is particular; what they leave as
    it is here suits a task of a few numbers that `Prediction` has no field for: it stands in
    `Prediction.values` under the output's name.

    Attributes:
        name: as in `TASKS`, in cards and in `--task`.
        predicts: what is predicted, for people.
        output_name: of the graph's output, with its unit.
        output_unit: of its numbers.
        output_frame: what they are measured in; empty where the name says it.
        axes: of a row, as a reader knows them: a number or a letter each.
        ego_inputs: the inputs beside the image that its students take, by name and in order.
        parity_unit: the unit in which two predictions are compared, see `apart`.
        parity_limit: how far the exported graph may be from the trained student, in that unit.
        controller: the name of the controller that drives by its predictions; None where there is
            none.
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
    controller: ClassVar[str | None] = None

    # What goes out of the graph

    def shape(self, times_s: tuple[float, ...]) -> tuple[int, ...]:
        """Of a row.

        Args:
            times_s: the card's `waypoint_times_s`.
        """
        del times_s
        return tuple(int(axis) for axis in self.axes)

    def output(self, times_s: tuple[float, ...]) -> TensorSpec:
        """The graph's output, (batch, *shape) float32."""
        return TensorSpec(
            name=self.output_name,
            shape=("batch", *self.shape(times_s)),
            dtype="float32",
            unit=self.output_unit,
            frame=self.output_frame,
        )

    def time_mistakes(self, times_s: tuple[float, ...]) -> Iterator[str]:
        """What is wrong with a card's `waypoint_times_s`, which most tasks do not have."""
        if times_s:
            yield f"waypoint_times_s: a {self.name} model has none"

    # How far, and how far apart

    def apart(self, difference: Float64) -> Float64:
        """The difference of two predictions (N, *shape), in the output's unit, as distances in
        `parity_unit` (N, ...).
        """
        return np.abs(difference)

    @abstractmethod
    def limit(self, steering: SteeringSpec) -> OutputLimit:
        """The limit of a prediction's size, for a vehicle that steers so."""

    def size(self, row: Sequence[Any], times_s: tuple[float, ...]) -> float:
        """The size of a row, given as nested lists, in the unit of `limit`; infinite where a number
        is not finite.
        """
        del times_s
        largest = float(np.abs(np.asarray(row, np.float64)).max())
        return largest if math.isfinite(largest) else math.inf

    # From a row to a prediction, and on to people

    def fields(self, row: Float32) -> dict[str, Any]:
        """The fields of `Prediction` that hold a row of this task's `shape`."""
        return {"values": {self.output_name: row}}

    def row(self, prediction: Prediction) -> Float32:
        """The row that a prediction holds, (*shape): the inverse of `fields`."""
        return prediction.values[self.output_name]

    def made(self, prediction: Prediction) -> bool:
        """Whether a prediction holds one of this task's rows."""
        return self.output_name in prediction.values

    @property
    def field(self) -> str:
        """How a program reads it from a `Prediction`: what stands after the dot."""
        return f'values["{self.output_name}"]'

    def text(self, prediction: Prediction) -> str:
        """A prediction that is not withheld, on a terminal."""
        numbers = prediction.values[self.output_name].ravel().tolist()
        return f"{' '.join(f'{number:.3f}' for number in numbers)} {self.output_unit}".strip()

    def cells(self, prediction: Prediction) -> dict[str, float | None]:
        """A prediction as columns of a table; None where it is withheld."""
        size = math.prod(self.shape(prediction.waypoint_times_s))
        names = [self.output_name, *(f"{self.output_name}_{k}" for k in range(1, size))]
        row = prediction.values.get(self.output_name)
        return dict(zip(names, [None] * size if row is None else row.ravel().tolist(), strict=True))

    def drawing(self, row: Float32) -> Drawing:
        """A row of this task's `shape` on a page or an image."""
        return Drawing(" ".join(f"{number:.2f}" for number in row.ravel().tolist()))

    def describe(self, times_s: tuple[float, ...]) -> str:
        """What is predicted, for a bundle's page."""
        del times_s
        return self.predicts

    def metrics_note(self, card: ModelCard) -> str:
        """What a reader of a bundle's metrics must know of them; a sentence or none."""
        del card
        return ""

    def example(self) -> Prediction:
        """A prediction of the time 1 s that asks for nothing, to try a controller by."""
        row = np.zeros(self.shape(()), np.float32)
        return Prediction(1.0, 0.0, **self.fields(row))
