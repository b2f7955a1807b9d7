"""Red lights (all leaderboards, RunningRedLightTest)."""

from __future__ import annotations

import math

from auxdrive_eval.criteria.base import Event, EventKind, TickCriterion, carla_location, event_at
from auxdrive_eval.world import TAIL_M, LightColour, Point, TrafficLightView, WorldState

NEAR_M = 15.0
"""Only lights whose stop line is nearer than this are considered. (The leaderboard measures to the
trigger volume before the line.)
"""
TAIL_CLOSE = 0.8


class RedLight(TickCriterion):
    """The tail of the ego crosses the stop line of a red light.

    The tail is a segment behind the ego's centre: from 0.8 of its half length to 1 m beyond its
    rear bumper. Its end must be on the light's own lane. The same light does not count twice in a
    row.

    Args:
        line_reach: how far the line that must not be crossed reaches to either side of the lane's
            centre, in widths of the lane; the painted one reaches half a width.
    """

    def __init__(self, line_reach: float) -> None:
        self._line_reach = line_reach
        self._last_id: int | None = None

    def update(self, state: WorldState) -> list[Event]:
        """One event for each red light that was run."""
        events = []
        half_length_m = state.extent[0]
        tail = (_behind(state, TAIL_CLOSE * half_length_m), _behind(state, half_length_m + TAIL_M))
        for light in state.lights:
            if (
                light.colour is LightColour.RED
                and light.light_id != self._last_id
                and self._ran(state, light, tail)
            ):
                message = (
                    f"Agent ran a red light {light.light_id} at {carla_location(light.location)}"
                )
                events.append(event_at(EventKind.RED_LIGHT, message, state, light.location))
                self._last_id = light.light_id
        return events

    def _ran(self, state: WorldState, light: TrafficLightView, tail: tuple[Point, Point]) -> bool:
        (left_x, left_y), (right_x, right_y) = light.stop_line
        x, y = (left_x + right_x) / 2, (left_y + right_y) / 2
        if math.dist(state.ego_centre, (x, y)) > NEAR_M or state.tail_lane_id != light.lane_id:
            return False
        share = 2 * self._line_reach  # of the painted line's half
        half = (share * (left_x - x), share * (left_y - y))
        line = ((x + half[0], y + half[1]), (x - half[0], y - half[1]))
        # The ego must drive along the lane; it may leave the junction over the line of the opposite
        # lane.
        ahead = math.cos(state.ego.yaw_rad - light.lane_yaw_rad) > 0
        return ahead and segments_cross(*tail, *line)


def _behind(state: WorldState, distance_m: float) -> Point:
    x_m, y_m = state.ego_centre
    return x_m - distance_m * math.cos(state.ego.yaw_rad), y_m - distance_m * math.sin(
        state.ego.yaw_rad
    )


def segments_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments ab and cd, ends included, have a point in common.

    Args:
        a: one end of the first segment, (x, y); all four points are in one frame.
        b: its other end.
        c: one end of the second segment.
        d: its other end.
    """
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(turn == 0 and _between(*end) for turn, end in zip(turns, ends, strict=True))


def _turn(a: Point, b: Point, c: Point) -> float:
    """Twice the signed area of the triangle abc: positive if c lies to the left of ab."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _between(a: Point, b: Point, c: Point) -> bool:
    """Whether c, a point of the line through a and b, lies between them."""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])
