"""To whom CARLA's expert gives way, on a straight street with one junction."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from auxdrive.geometry import cumulative_length
from auxdrive.types import RoadOption
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.carla.ego.giving_way import GivingWay
from auxdrive_eval.simulators.carla.ego.surroundings import Other

JUNCTION_M = (40.0, 60.0)
FRONT_M = 22.45


class Street:
    """A road map that knows one junction."""

    def lane_view(self, x_m: float, y_m: float, yaw_rad: float, z_m: float = 0.0) -> Any:
        return SimpleNamespace(in_junction=JUNCTION_M[0] < x_m < JUNCTION_M[1])


def ways(turns_left: bool = False) -> GivingWay:
    """Along x at y = 0; or to the left at x = 52."""
    points = np.array([(float(x), 0.0) for x in range(101)])
    if turns_left:
        points = np.array([(float(x), 0.0) for x in range(53)] + [(52.0, y) for y in range(1, 40)])
    steps = np.diff(points, axis=0, append=2 * points[-1:] - points[-2:-1])
    route = Route(
        route_id="0",
        town="Street",
        keypoints=((0.0, 0.0), (100.0, 0.0)),
        points=points,
        yaw_rad=np.arctan2(steps[:, 1], steps[:, 0]),
        options=(RoadOption.LANE_FOLLOW,) * len(points),
    )
    roads: Any = Street()
    return GivingWay(route, cumulative_length(points), roads)


def somebody(
    x_m: float, y_m: float, velocity_mps: tuple[float, float], *, on_foot: bool = False
) -> Other:
    size = (0.2, 0.2) if on_foot else (2.4, 1.0)
    yaw_rad = float(np.arctan2(velocity_mps[1], velocity_mps[0]))
    return Other(7, on_foot, (x_m, y_m), *size, max(velocity_mps[0], 0.0), yaw_rad, velocity_mps)


def stop_m(given: GivingWay, other: Other, speed_mps: float = 8.0) -> float | None:
    """Where the ego has to stop, ahead of its front, which is at 22.45 m."""
    state: Any = SimpleNamespace(
        extent=(2.45, 1.0), speed_mps=speed_mps, ego=SimpleNamespace(yaw_rad=0.0)
    )
    return min(given.stops_m(state, [other], FRONT_M - 2.45), default=None)


def test_pedestrians_who_walk_into_the_way_and_no_others() -> None:
    crossing = stop_m(ways(), somebody(35.0, -5.0, (0.0, 1.5), on_foot=True))
    assert crossing == pytest.approx(35.0 - FRONT_M - 2.2, abs=2.0)
    for other in (
        somebody(35.0, -5.0, (1.5, 0.0), on_foot=True),  # walks along
        somebody(35.0, -5.0, (0.0, 0.0), on_foot=True),  # stands
        somebody(35.0, -5.0, (0.0, -1.5), on_foot=True),  # walks away
        somebody(35.0, -9.0, (0.0, 1.5), on_foot=True),  # is far
        somebody(10.0, -3.0, (0.0, 1.5), on_foot=True),  # behind
    ):
        assert stop_m(ways(), other) is None


def test_who_crosses_where_there_are_no_lights_goes_first_if_both_would_be_there() -> None:
    line_m = JUNCTION_M[0] - FRONT_M - 1.0
    assert stop_m(ways(), somebody(50.0, -25.0, (0.0, 8.0))) == pytest.approx(line_m, abs=0.1)
    assert stop_m(ways(), somebody(50.0, 25.0, (0.0, -8.0))) == pytest.approx(line_m, abs=0.1)
    for other in (
        somebody(50.0, -60.0, (0.0, 8.0)),  # comes much later
        somebody(50.0, -25.0, (0.0, 0.0)),  # waits
        somebody(80.0, -25.0, (0.0, 8.0)),  # not in a junction
        somebody(45.0, 0.0, (6.0, 0.0)),  # is ahead, and followed
        somebody(10.0, 0.0, (9.0, 0.0)),  # is behind
        somebody(80.0, 3.5, (-8.0, 0.0)),  # comes towards it in its own lane
    ):
        assert stop_m(ways(), other) is None


def test_with_a_green_light_only_who_cannot_stop_any_more() -> None:
    given = ways()
    given.note_light(38.0)
    assert stop_m(given, somebody(38.0, -25.0, (0.0, 8.0))) is None
    assert stop_m(given, somebody(62.0, -9.0, (-3.0, 2.2))) is None
    assert stop_m(given, somebody(50.0, -6.0, (0.0, 8.0)), 12.0) is not None


def test_who_comes_from_ahead_goes_first_where_the_ego_turns_left() -> None:
    given, oncoming = ways(turns_left=True), somebody(75.0, 3.5, (-8.0, 0.0))
    given.note_light(38.0)
    assert stop_m(given, oncoming) == pytest.approx(JUNCTION_M[0] - FRONT_M - 1.0, abs=0.1)
    assert stop_m(ways(turns_left=True), oncoming) is not None
