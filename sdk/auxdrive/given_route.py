"""Routes as programs give them: checked, and filled with points.

Legend: N points of a route, in a map frame (right-handed, z up, metres).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auxdrive.checks.numbers import number, shown
from auxdrive.ego import MAX_TARGET_M
from auxdrive.errors import InputError
from auxdrive.geometry import polyline_length, step_lengths
from auxdrive.types import AnyArray, Float64, RoadOption

FILL_M = 1.0
"""Where points lie farther apart than `MAX_STEP_M`, others are put between them, at most this far
apart: the routes in training have about a point for each metre.
"""
MAX_STEP_M = 2.0
MIN_LENGTH_M = 1.0
MAX_COORDINATE_M = 1e9


def route_points(given: AnyArray | Sequence[Sequence[float]]) -> Float64:
    """The points of a route, float64 (N, 2).

    Raises:
        InputError: they are no finite points, fewer than two, the same twice, too far apart, or of
            a route that is too short.
    """
    points = finite_points(given)
    _refuse_steps(points)
    return points


def finite_points(given: AnyArray | Sequence[Sequence[float]]) -> Float64:
    """Points, float64 (N, 2), wherever they lie.

    Raises:
        InputError: they are no finite points, or fewer than two.
    """
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiu":
        what = shown(given) if array.ndim != 2 else f"an array {array.dtype} {array.shape}"
        raise InputError(f"the route is {what}; give points (N, 2), x and y in metres")
    points = array.astype(np.float64)
    if len(points) < 2:
        raise InputError(f"the route has {len(points)} points; it needs two at least")
    wrong = np.flatnonzero(~(np.abs(points) <= MAX_COORDINATE_M).all(axis=1))
    if len(wrong):
        raise InputError(
            f"the route's point {wrong[0]} is {tuple(points[wrong[0]].tolist())}, not finite or "
            f"beyond {MAX_COORDINATE_M:.0e} m; give x and y in metres"
        )
    return points


def _refuse_steps(points: Float64) -> None:
    step_m = step_lengths(points)
    same, far = np.flatnonzero(step_m == 0.0), np.flatnonzero(step_m > MAX_TARGET_M)
    if len(same):
        raise InputError(
            f"the route's points {same[0]} and {same[0] + 1} are the same; leave one of them out"
        )
    if len(far):
        raise InputError(
            f"the route's points {far[0]} and {far[0] + 1} are {step_m[far[0]]:.0f} m apart; give "
            f"points along the road, at most {MAX_TARGET_M:.0f} m apart"
        )
    if (length_m := float(polyline_length(points))) < MIN_LENGTH_M:
        raise InputError(
            f"the route is {length_m:.2g} m long; give x and y in metres, not in degrees, of a "
            f"route of at least {MIN_LENGTH_M:.0f} m"
        )


def route_commands(given: Sequence[RoadOption | int] | None, count: int) -> tuple[RoadOption, ...]:
    """The commands of a route.

    Args:
        given: one for each point; None is `LANE_FOLLOW` everywhere.
        count: how many points there are.

    Raises:
        InputError: there are more or fewer, or no commands.
    """
    if given is None:
        return (RoadOption.LANE_FOLLOW,) * count
    try:
        values = tuple(given)
    except TypeError:
        raise InputError(f"commands is {shown(given)}; give one for each point") from None
    if len(values) != count:
        raise InputError(f"{len(values)} commands for {count} points; give one for each point")
    return tuple(_command(index, value) for index, value in enumerate(values))


def _command(index: int, value: RoadOption | int) -> RoadOption:
    if isinstance(value, RoadOption):
        return value
    try:
        return RoadOption(number("a command", value))  # type: ignore[arg-type]
    except (InputError, ValueError):
        valid = ", ".join(f"{option.name} ({option.value})" for option in RoadOption)
        raise InputError(
            f"the route's command {index} is {shown(value)}, no RoadOption: {valid}"
        ) from None


def filled_route(
    points: Float64, commands: tuple[RoadOption, ...]
) -> tuple[Float64, tuple[RoadOption, ...]]:
    """The route, filled with a point every `FILL_M` where two lie farther apart than
    `MAX_STEP_M`.

    Args:
        points: (N, 2).
        commands: N.
    """
    step_m = step_lengths(points)
    pieces = np.where(step_m > MAX_STEP_M, np.ceil(step_m / FILL_M), 1).astype(np.int64)
    if (pieces == 1).all():
        return points, commands
    index = np.arange(len(points))
    at = np.concatenate(
        [np.arange(n) / n + i for i, n in enumerate(pieces.tolist())] + [index[-1:]]
    )
    filled = np.stack([np.interp(at, index, axis) for axis in points.T], axis=1)
    return filled, tuple(commands[i] for i in np.floor(at).astype(np.int64).tolist())
