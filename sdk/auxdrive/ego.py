"""Ego inputs: the numbers that a model is given beside the camera's image, such as the speed.
`EGO_INPUTS` is the one table of them. A new input is one row, and what else it needs stands in
docs/architecture.md, "An ego input".

A model takes some of them, in an order of its own: `auxdrive.ego_layout`.

Legend: N frames or samples, E numbers of a row. Ego frame (ISO 8855): x forward, y left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.standing import MAX_MOVING_S, MAX_STANDING_S

if TYPE_CHECKING:  # commands make options from the table, so importing it must be cheap
    from auxdrive.cards import InputRange, TensorSpec


MAX_TARGET_M = 1000.0
"""The largest x or y of a target point; no planner of a road vehicle gives one farther away."""


RANGE_MARGIN = 0.1
"""How far an input may lie outside its range in training: by this share of the range's width, and
by at least its `least_margin`.
"""


POINTS = "ego, x forward, y left"
"""The frame of inputs whose numbers are points in the ego frame, x and y of each in turn."""


Mirror = Callable[[Any], Any]
"""Turns a number of an input into that of the scene mirrored left to right. It is given whole
columns of NumPy and torch too, so it may use operators alone.
"""


def kept(value: Any) -> Any:
    """The mirror of a number that a mirrored scene does not change, such as the speed."""
    return value


def negated(value: Any) -> Any:
    """The mirror of a number that is measured to the left."""
    return -value


def other_side(command: Any) -> Any:
    """The mirror of a route command (`RoadOption`): left and right are exchanged, 1 and 2, and the
    lane changes 5 and 6.
    """
    to_right = (command == 1) | (command == 5)
    to_left = (command == 2) | (command == 6)
    return command + 1.0 * to_right + -1.0 * to_left


COMMANDS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""The route commands that a model may be given (`RoadOption`, without VOID)."""


@dataclass(frozen=True, slots=True)
class EgoInput:
    """One ego input.

    Attributes:
        name: the name of the graph's input and of the field of `Observation` that holds it. The
            field is a number, or a tuple where the input has several.
        unit: of its numbers.
        frame: the coordinate frame of its numbers; empty where the name says it.
        meaning: what must be given, for messages.
        axes: the name of each of its numbers; one empty text where it has a single number.
        state: for each number, the field of the recorded state (`auxdrive.data.state.STATE_DTYPE`)
            from which it is read.
        mirror: for each number, see `Mirror`.
        scale: the network divides the numbers by this, which brings them to about one.
        low: the least that a number can be for any road vehicle, in its unit.
        high: the largest, likewise.
        least_margin: how far a number may always lie outside its range in training, in its unit:
            the range of a recording at one speed has no width.
        choices: the values of a number that stands for a choice, such as a route command: a
            network is then given which of them it is. Empty for quantities.
        noise: the entry of the config's `augment:` that holds the standard deviation of the noise
            that training adds to each number; empty where it adds none.
        dropout: the entry of the config's `augment:` that holds the probability that training
            replaces the input's numbers by those of another sample; empty where it does not. Inputs
            of one entry are replaced together.
        option: the option of `auxdrive predict` that gives it, less its dashes in front.
        option_help: the help text of that option.
        example: an everyday value, for documentation.
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
    choices: tuple[float, ...] = ()
    noise: str = ""
    dropout: str = ""

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return len(self.state)

    @property
    def are_points(self) -> bool:
        """Whether its numbers are points in the ego frame; see `POINTS`."""
        return self.frame == POINTS

    @property
    def spec(self) -> TensorSpec:
        """The graph's input, float32 of the shape (batch, size)."""
        from auxdrive.cards import TensorSpec

        return TensorSpec(
            name=self.name,
            shape=("batch", self.size),
            dtype="float32",
            unit=self.unit,
            frame=self.frame,
        )

    def value(self, numbers: Iterable[float]) -> Any:
        """The value of its field of `Observation` for these numbers."""
        values = tuple(numbers)
        return values[0] if self.size == 1 else values

    def bounds(self, trained: InputRange | None) -> Bounds:
        """The bounds outside which the input is flagged.

        Args:
            trained: its range in training; None where it is not known, and the bounds are then
                those of any road vehicle (`low`, `high`). Bounds from training never reach beyond
                these.
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
    """The bounds of an input's numbers.

    Attributes:
        low: the least of each number, the margin included.
        high: the largest of each number, the margin included.
        trained: whether they come from the range in training.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    trained: bool


def _route_command(
    name: str, meaning: str, state: tuple[str], option: str, option_help: str
) -> EgoInput:
    """The row of a route command."""
    return EgoInput(
        name,
        "RoadOption",
        meaning,
        state,
        mirror=(other_side,),
        scale=4.0,
        low=COMMANDS[0],
        high=COMMANDS[-1],
        least_margin=0.5,
        choices=COMMANDS,
        option=option,
        option_help=option_help,
        example=(4.0,),
    )


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
        dropout="speed_dropout",
        option="speed",
        option_help="Forward speed in m/s, for models that need it.",
        example=(5.0,),
    ),
    EgoInput(
        name="target_ego_m",
        unit="m",
        frame=POINTS,
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
    EgoInput(
        name="next_targets_ego_m",
        unit="m",
        frame=POINTS,
        meaning="the two target points after the next, x forward and y left in metres",
        axes=("x2", "y2", "x3", "y3"),
        state=("target_2_x_m", "target_2_y_m", "target_3_x_m", "target_3_y_m"),
        mirror=(kept, negated, kept, negated),
        scale=40.0,
        low=-3 * MAX_TARGET_M,
        high=3 * MAX_TARGET_M,
        least_margin=1.0,
        option="next-targets",
        option_help="The two target points after that one, in metres.",
        example=(40.0, 0.0, 60.0, 5.0),
    ),
    _route_command(
        name="command",
        meaning="the route command at the target point, the number of a RoadOption",
        state=("command",),
        option="command",
        option_help="Route command at the target point (4: follow the lane; 1: left; 2: right).",
    ),
    _route_command(
        name="next_command",
        meaning="the route command at the target point after the next, the number of a RoadOption",
        state=("next_command",),
        option="next-command",
        option_help="Route command at the target point after that one.",
    ),
    EgoInput(
        name="standing_s",
        unit="s",
        meaning="how long the car has stood still in seconds, 0 while it moves",
        state=("standing_s",),
        mirror=(kept,),
        scale=1.0,
        low=0.0,
        high=MAX_STANDING_S,
        least_margin=1.0,
        dropout="speed_dropout",  # it tells that the speed is 0
        option="standing",
        option_help="For how many seconds the car has stood still; 0 while it moves.",
        example=(0.0,),
    ),
    EgoInput(
        name="moving_s",
        unit="s",
        meaning=f"how long the car has moved since it last stood still in seconds, at most "
        f"{MAX_MOVING_S:g}; 0 while it stands",
        state=("moving_s",),
        mirror=(kept,),
        scale=2.0,
        low=0.0,
        high=MAX_MOVING_S,
        least_margin=1.0,
        dropout="speed_dropout",  # it tells whether the speed is 0
        option="moving",
        option_help="For how many seconds the car has moved since it stood still; 0 while it "
        "stands.",
        example=(10.0,),
    ),
    EgoInput(
        name="last_target_ego_m",
        unit="m",
        frame=POINTS,
        meaning="the target point that was passed last, x forward and y left in metres",
        axes=("x0", "y0"),
        state=("target_0_x_m", "target_0_y_m"),
        mirror=(kept, negated),
        scale=20.0,
        low=-MAX_TARGET_M,
        high=MAX_TARGET_M,
        least_margin=1.0,
        option="last-target",
        option_help="The target point that was passed last, in metres.",
        example=(-5.0, 0.0),
    ),
    _route_command(
        name="last_command",
        meaning="the route command at the target point that was passed last, which holds until the "
        "next, the number of a RoadOption",
        state=("last_command",),
        option="last-command",
        option_help="Route command at the target point that was passed last.",
    ),
)


EGO_INPUTS: dict[str, EgoInput] = {row.name: row for row in _ROWS}
"""Every input beside the image that a model may take, by name."""
