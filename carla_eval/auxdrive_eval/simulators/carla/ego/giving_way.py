"""To whom CARLA's expert gives way: pedestrians and cyclists who will be on its way, and vehicles
that will cross it in a junction, by the rules of `right_of_way`.

The embedded expert knows on which lanes others are, and asks where these meet its own. This one
asks the map of a place only whether it lies in a junction: everybody is taken to go on straight as
now, and a vehicle that sets off to be soon faster. Whose light is green with the ego's follows from
where he comes from: who comes from ahead has green too, who comes from the side has red. The signs
of the other arms are not asked for, so at a junction without lights everybody has priority.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.road_maps.base import RoadMap
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.carla.ego.surroundings import Other
from auxdrive_eval.simulators.right_of_way import (
    STANDS_MPS,
    Care,
    Comer,
    Stay,
    are_there_together,
    has_priority,
    is_past_stopping,
    rank_of,
)
from auxdrive_eval.world import WorldState

SEEN_M = 50.0
ON_FOOT_S, ON_WHEELS_S, STEP_S = 2.5, 5.0, 0.25
"""So far ahead in time is looked."""
STARTING_MPS = 4.0
"""A vehicle that moves is soon as fast as this."""
NARROW_M = 0.5
"""Half the width of a bicycle with its rider, at most: it is looked at as pedestrians are."""
ASIDE_M = 0.5
GAP_M = 2.0
LINE_M = 1.0
LEFT = math.sin(math.radians(15.0))
"""The ego turns left where its way has turned by more when it meets who comes from ahead."""
LIT_M = 12.0
"""A light's line lies no farther before its junction."""
ACROSS, AHEAD = math.cos(math.radians(30.0)), math.cos(math.radians(130.0))
"""Who is on the route and heads within the first angle of it drives along it; who heads against the
ego beyond the second comes from ahead.
"""
BEHIND_M, ON_LANE_M = 20.0, 1.5
STARTS_MPS2, SLOWEST_MPS = 1.5, 2.0
CARE = Care(before_s=4.0, after_s=1.5, firm_mps2=4.0)
"""More than the embedded expert's: a straight line is a guess, and the ego's own stay is taken as
the instant of its arrival.
"""
EGO_GREEN, SIDE_GREEN = 0, 1
"""The lights of a junction: those that are green together with the ego's, and those of the sides.
"""


class _Meeting(NamedTuple):
    """Where on the route somebody will be, and when."""

    at_m: float
    point: int
    time_s: float


class GivingWay:
    """Knows the junctions of a route, and which of them have a light.

    Args:
        route: that the ego follows.
        along: of its points, (N,).
        roads: of its town.
    """

    def __init__(self, route: Route, along: Float64, roads: RoadMap) -> None:
        self._route, self._along, self._roads = route, along, roads
        heights_m = route.heights_m or (0.0,) * len(route.points)
        self._inside = np.array(
            [
                roads.lane_view(x_m, y_m, yaw_rad, z_m).in_junction
                for (x_m, y_m), yaw_rad, z_m in zip(
                    route.points.tolist(), route.yaw_rad.tolist(), heights_m, strict=True
                )
            ]
        )
        self._lines: set[float] = set()

    def note_light(self, line_m: float) -> None:
        """Remember where on the route the line of a light lies."""
        self._lines.add(round(line_m, 1))

    def stops_m(self, state: WorldState, seen: Sequence[Other], here_m: float) -> Iterator[float]:
        """How far ahead of the ego's front it has to stop for each to whom it gives way.

        Args:
            state: the world now.
            seen: what else moves.
            here_m: where on the route the ego's centre is.
        """
        front_m = here_m + state.extent[0]
        for other in seen:
            if math.hypot(*other.velocity_mps) < STANDS_MPS:
                continue
            slow = other.is_pedestrian or other.half_width_m < NARROW_M
            meeting = self._meeting(state, other, here_m, slow)
            if meeting is None or meeting.at_m <= front_m:
                continue
            if slow:
                yield meeting.at_m - front_m - other.half_m - GAP_M
            elif self._yields(state, other, meeting, front_m):
                entry_m = float(self._along[self._entry(meeting.point)])
                before_m = entry_m - LINE_M - front_m
                yield (
                    before_m
                    if before_m > -LINE_M
                    else (meeting.at_m - front_m - max(other.half_m, other.half_width_m) - GAP_M)
                )

    def _meeting(
        self, state: WorldState, other: Other, here_m: float, slow: bool
    ) -> _Meeting | None:
        """The first time at which somebody is on the ego's way, in a junction if on wheels."""
        first, last = np.searchsorted(self._along, (here_m, here_m + SEEN_M))
        picked = np.arange(first, last)
        if not slow:
            picked = picked[self._inside[picked]]
        if not len(picked):
            return None
        times = np.arange(STEP_S, (ON_FOOT_S if slow else ON_WHEELS_S) + STEP_S / 2, STEP_S)
        speed_mps = math.hypot(*other.velocity_mps)
        share = 1.0 if slow else max(speed_mps, STARTING_MPS) / speed_mps
        places = np.array(other.place) + share * times[:, None] * np.array(other.velocity_mps)
        apart = np.hypot(*(self._route.points[picked] - places[:, None]).transpose(2, 0, 1))
        near = apart < state.extent[1] + other.half_width_m + ASIDE_M
        if not near.any():
            return None
        when = int(np.flatnonzero(near.any(axis=1))[0])
        index = int(picked[np.flatnonzero(near[when])[0]])
        return _Meeting(float(self._along[index]), index, float(times[when]))

    def _yields(self, state: WorldState, other: Other, meeting: _Meeting, front_m: float) -> bool:
        """Whether a vehicle goes first."""
        speed_mps = math.hypot(*other.velocity_mps)
        heading = math.atan2(other.velocity_mps[1], other.velocity_mps[0])
        if self._is_on_route(other, heading, front_m):
            return False  # it is followed, or follows
        passes_s = 2 * (other.half_m + state.extent[1]) / max(speed_mps, STARTING_MPS)
        stay = Stay(meeting.time_s, meeting.time_s + passes_s)
        if not are_there_together(_own_stay(state, meeting.at_m - front_m), stay, CARE):
            return False
        entry = self._entry(meeting.point)
        if not self._is_lit(float(self._along[entry])):
            return True
        return self._goes_though_lit(other, heading, meeting, entry)

    def _goes_though_lit(
        self, other: Other, heading_rad: float, meeting: _Meeting, entry: int
    ) -> bool:
        """Whether a vehicle goes first where a light lets the ego in, at a point of the route."""
        entry_rad = float(self._route.yaw_rad[entry])
        turns_left = math.sin(float(self._route.yaw_rad[meeting.point]) - entry_rad) > LEFT
        from_ahead = math.cos(heading_rad - entry_rad) < AHEAD
        if from_ahead and not turns_left:
            return False  # it stays in its own lane, though its straight line leads into the ego's
        theirs = Comer(heading_rad, EGO_GREEN if from_ahead else SIDE_GREEN, True, rank_of(False))
        if has_priority(theirs, Comer(entry_rad, EGO_GREEN, True, rank_of(turns_left))):
            return True
        inside = self._roads.lane_view(*other.place, heading_rad).in_junction
        speed_mps = math.hypot(*other.velocity_mps)
        return is_past_stopping(speed_mps, -1.0 if inside else speed_mps * meeting.time_s, CARE)

    def _is_on_route(self, other: Other, heading_rad: float, front_m: float) -> bool:
        """Whether a vehicle drives on the ego's way already, before it or behind it."""
        first, last = np.searchsorted(self._along, (front_m - BEHIND_M, front_m + SEEN_M))
        away = np.hypot(*(self._route.points[first:last] - np.array(other.place)).T)
        nearest = int(np.argmin(away))
        turned_rad = heading_rad - float(self._route.yaw_rad[first + nearest])
        return bool(away[nearest] < ON_LANE_M) and math.cos(turned_rad) > ACROSS

    def _entry(self, index: int) -> int:
        """The point before the junction in which a point of the route lies."""
        before = np.flatnonzero(~self._inside[:index])
        return int(before[-1]) if len(before) else 0

    def _is_lit(self, entry_m: float) -> bool:
        return any(-LIT_M < line_m - entry_m < LIT_M / 2 for line_m in self._lines)


def _own_stay(state: WorldState, left_m: float) -> Stay:
    """When the ego would be there: at its present speed, or starting from rest, if that is sooner.
    How fast it could leave is left to `CARE`.
    """
    there_s = min(left_m / max(state.speed_mps, SLOWEST_MPS), math.sqrt(2 * left_m / STARTS_MPS2))
    return Stay(there_s, there_s)
