"""Ego inputs: the numbers that a model is given beside the camera's image. `EGO_INPUTS` is the one
table of them: a new input is one row.

A model takes some of them in an order of its own, and side by side they make a row of numbers.
Where each input stands in that row, and how rows are made and taken apart, is known here alone
(`EgoLayout`).

    layout = EgoLayout(("speed_mps", "target_ego_m"))
    layout.width                                        # 3
    layout.columns["target_ego_m"]                      # slice(1, 3)
    layout.read(Observation(image, 0.0, 4.0, (20.0, 1.0)))  # ((4.0,), (20.0, 1.0))

Legend: N frames or samples, E numbers of a row. Ego frame (ISO 8855): x forward, y left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.errors import UsageError, unknown_name

if TYPE_CHECKING:  # a command's options are made from the table: importing it must be cheap
    from auxdrive.cards import InputRange, TensorSpec
    from auxdrive.types import AnyArray, Float32, Observation

MAX_TARGET_M = 1000.0
"""No planner of a road vehicle gives a target point that is farther away in x or y."""

RANGE_MARGIN = 0.1
"""An input may leave the range that was trained on by this share of the range's width on either
side, and by at least its `least_margin`.
"""

Mirror = Callable[[Any], Any]
"""From one number of an input to that of the scene mirrored left to right. It is given whole
columns too, of NumPy and of torch, so it is made of operators alone.
"""


def kept(value: Any) -> Any:
    """A mirror that changes nothing."""
    return value


def negated(value: Any) -> Any:
    """The mirror of what is measured to the left."""
    return -value


@dataclass(frozen=True, slots=True)
class EgoInput:
    """One ego input.

    Attributes:
        name: of the graph's input, and of the field of `Observation` that holds it: a number, or a
            tuple where it has several.
        unit: of its numbers.
        frame: what they are measured in; empty where the name says it.
        meaning: what is to be given, for messages.
        axes: what each of its numbers is called; one empty text for a single number.
        state: the field of the recorded state (`auxdrive.data.state.STATE_DTYPE`) for each number.
        mirror: for each number, see `Mirror`.
        scale: the network computes with the numbers divided by this, which makes them about one.
        low: the least that each number is for any road vehicle, in its unit.
        high: the largest.
        least_margin: how far beyond the range of training a number may lie at least, in its unit:
            recordings at one speed have no width.
        noise: the setting of `augment:` that holds the standard deviation of the noise that
            training adds to each number; empty for none.
        option: the option of `auxdrive predict` that gives it.
        option_help: what its help says.
        example: an everyday value, for examples of use.
    """

    name: str
    unit: str
    meaning: str
    state: tuple[str, ...]
    mirror: tuple[Mirror, ...]
    scale: float
    low: float
    high: float
    least_margin: float
    option: str
    option_help: str
    example: tuple[float, ...]
    frame: str = ""
    axes: tuple[str, ...] = ("",)
    noise: str = ""

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return len(self.state)

    @property
    def spec(self) -> TensorSpec:
        """The graph's input, (batch, size) float32."""
        from auxdrive.cards import TensorSpec

        return TensorSpec(
            name=self.name,
            shape=("batch", self.size),
            dtype="float32",
            unit=self.unit,
            frame=self.frame,
        )

    def value(self, numbers: Iterable[float]) -> Any:
        """Its numbers as the field of `Observation` holds them."""
        values = tuple(numbers)
        return values[0] if self.size == 1 else values

    def bounds(self, trained: InputRange | None) -> Bounds:
        """What it may be without a flag.

        Args:
            trained: the range of training; None where it is not known, and then what any road
                vehicle can be asked is allowed. No range of training reaches beyond that.
        """
        if trained is None:
            return Bounds((self.low,) * self.size, (self.high,) * self.size, trained=False)
        low, high = [], []
        for least, most in zip(trained.low, trained.high, strict=True):
            margin = max(self.least_margin, RANGE_MARGIN * (most - least))
            low.append(max(least - margin, self.low))
            high.append(min(most + margin, self.high))
        return Bounds(tuple(low), tuple(high), trained=True)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one input's numbers, margins included; `trained` says whether they come from
    training.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    trained: bool


_ROWS = (
    EgoInput(
        name="speed_mps",
        unit="m/s",
        meaning="the forward speed in m/s",
        state=("speed_mps",),
        mirror=(kept,),
        scale=10.0,
        low=-MAX_SPEED_MPS,
        high=MAX_SPEED_MPS,
        least_margin=0.5,
        noise="speed_noise",
        option="speed",
        option_help="Forward speed in m/s, for models that need it.",
        example=(5.0,),
    ),
    EgoInput(
        name="target_ego_m",
        unit="m",
        frame="ego, x forward, y left",
        meaning="the target point, x forward and y left in metres",
        axes=("x", "y"),
        state=("target_x_m", "target_y_m"),
        mirror=(kept, negated),
        scale=20.0,
        low=-MAX_TARGET_M,
        high=MAX_TARGET_M,
        least_margin=1.0,
        option="target",
        option_help="Target point in metres, x forward and y left of the car.",
        example=(20.0, 0.0),
    ),
)
EGO_INPUTS: dict[str, EgoInput] = {row.name: row for row in _ROWS}
"""By name every input beside the image that a model may take."""


class EgoLayout:
    """Some ego inputs in an order, and how they stand in a row.

    Attributes:
        inputs: the rows of `EGO_INPUTS`, in that order.
        names: theirs.
        columns: by name where the input's numbers stand in a row.
        width: E, how many numbers a row has.

    Raises:
        UsageError: there is no such input; the message names the nearest.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        for name in self.names:
            if name not in EGO_INPUTS:
                raise UsageError(unknown_name("ego input", name, EGO_INPUTS))
        self.inputs = tuple(EGO_INPUTS[name] for name in self.names)
        self.columns: dict[str, slice] = {}
        self.width = 0
        for each in self.inputs:
            self.columns[each.name] = slice(self.width, self.width + each.size)
            self.width += each.size
        self._asked = tuple(
            (each.name, each.size, f"{each.meaning}, in the Observation: this model needs it")
            for each in self.inputs
        )

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        """The graph's inputs beside the image."""
        return tuple(each.spec for each in self.inputs)

    def read(self, observation: Observation) -> tuple[tuple[float, ...], ...]:
        """For each input its numbers, as plain finite floats.

        Raises:
            InputError: one is missing, of another type (see `auxdrive.checks.numbers`) or not
                finite.
        """
        from auxdrive.checks.numbers import numbers

        return tuple(
            numbers(name, getattr(observation, name), size, meaning)
            for name, size, meaning in self._asked
        )

    def from_state(self, state: AnyArray) -> Float32:
        """The rows (N, E) of recorded frames (`auxdrive.data.state.STATE_DTYPE`, (N,)); NaN where
        the source did not know.
        """
        import numpy as np

        from auxdrive.data.state import UNKNOWN

        rows = np.empty((len(state), self.width), np.float32)
        fields = [field for each in self.inputs for field in each.state]
        for column, field in enumerate(fields):
            rows[:, column] = state[field]
            rows[state[field] == UNKNOWN.get(field, np.nan), column] = np.nan
        return rows

    def fields(self, row: Iterable[float]) -> dict[str, Any]:
        """A row (E,) as the fields of an `Observation`."""
        values = tuple(row)
        return {each.name: each.value(values[self.columns[each.name]]) for each in self.inputs}

    def mirror(self, rows: Any) -> Any:
        """Rows (N, E), an array of NumPy or a tensor of torch, of the scenes mirrored left to
        right; changed in place and returned.
        """
        mirrors = [mirror for each in self.inputs for mirror in each.mirror]
        for column, mirror in enumerate(mirrors):
            rows[:, column] = mirror(rows[:, column])
        return rows

    def bounds(self, ranges: Mapping[str, InputRange] | None) -> dict[str, Bounds]:
        """By name what each input may be without a flag; see `EgoInput.bounds`.

        Args:
            ranges: those of training, as a card states them; None where they are not known.
        """
        return {
            each.name: each.bounds(None if ranges is None else ranges[each.name])
            for each in self.inputs
        }
