"""Dense routes over road maps: every real route whose town is at hand, the embedded towns, and a
road on which lanes may be changed.
"""

from __future__ import annotations

import math
from itertools import groupby
from pathlib import Path
from typing import Any

import carla_towns
import numpy as np
import pytest
from auxdrive.errors import InputError, SimulatorError
from auxdrive.types import RoadOption
from auxdrive_eval.road_maps import RoadMap
from auxdrive_eval.road_maps.geo import GeoReference
from auxdrive_eval.routes import SAMPLE_1_M, RouteSpec, agent_plan, load_routes, write_routes
from auxdrive_eval.routes.planner import DenseRoute, RoutePlanner
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

CHANGES = (RoadOption.CHANGE_LANE_LEFT, RoadOption.CHANGE_LANE_RIGHT)
LONGEST_STEP_M = 3.1
"""A leg ends up to 2 m before its keypoint, and the next begins up to 1 m behind it."""
LONGEST_CHANGE_M = 8.0


def refuse_gaps(route: DenseRoute) -> None:
    """No step is longer than the graph's points are apart, but for lane changes, which may end
    beyond a keypoint.
    """
    steps_m = np.linalg.norm(np.diff(route.points, axis=0), axis=1)
    for index, step_m in enumerate(steps_m):
        near = route.options[max(0, index - 2) : index + 3]
        changes = any(option in CHANGES for option in near)
        assert step_m < (LONGEST_CHANGE_M if changes else LONGEST_STEP_M)


def refuse_missed(route: DenseRoute, spec: RouteSpec, roads: RoadMap) -> None:
    """The route comes to the place of every keypoint on its lane, in their order."""
    reached = 0
    for (x_m, y_m), z_m in zip(
        spec.keypoints, spec.heights_m or (0.0,) * len(spec.keypoints), strict=True
    ):
        goal = roads.nearest(x_m, y_m, z_m)
        away_m = np.hypot(*(route.points[reached:, :2] - (goal.x_m, goal.y_m)).T)
        near = np.flatnonzero(away_m < 2.5)
        assert len(near), (spec.route_id, x_m, y_m)
        reached += int(near[0])


@pytest.mark.parametrize(
    ("file", "town", "count"),
    [
        ("leaderboard1_devtest", "Town01", 1),
        ("leaderboard1_devtest", "Town04", 1),
        ("leaderboard1_training", "Town01", 10),
        ("leaderboard1_training", "Town04", 10),
    ],
)
def test_every_real_route_is_planned_without_a_gap(file: str, town: str, count: int) -> None:
    path = carla_towns.ROUTES / f"{file}.xml"
    if not path.exists():
        pytest.skip(f"the leaderboard's routes are not here: {path}")
    planner = carla_towns.planner(town)
    specs = [spec for spec in load_routes(path) if spec.town == town]
    assert len(specs) == count
    for spec in specs:
        dense = planner.plan(spec)
        refuse_gaps(dense)
        refuse_missed(dense, spec, carla_towns.town(town))
        assert RoadOption.VOID not in dense.options
        assert dense.length_m > 0.9 * spec.length_m
        driven = dense.route(spec)
        assert np.hypot(*np.diff(driven.points, axis=0).T).min() > 0.0
        assert len(driven.lane_ids) == len(driven.points) == len(driven.options)


# Lengths and commands of CARLA's own planner (agents of 0.9.15 on the client 0.9.16, hop 1 m).
@pytest.mark.parametrize(
    ("town", "route_id", "length_m", "commands"),
    [("Town01", "0", 760.164, 7), ("Town04", "2", 2644.231, 30)],
)
def test_real_routes_are_those_of_carlas_planner(
    town: str, route_id: str, length_m: float, commands: int
) -> None:
    path = carla_towns.ROUTES / "leaderboard1_devtest.xml"
    if not path.exists():
        pytest.skip(f"the leaderboard's routes are not here: {path}")
    (spec,) = (spec for spec in load_routes(path) if spec.route_id == route_id)
    dense = carla_towns.planner(town).plan(spec)
    assert dense.length_m == pytest.approx(length_m, abs=0.01)
    assert len(list(groupby(dense.options))) == commands


@pytest.mark.parametrize("seed", [1000, 1003, 1007])
def test_in_embedded_towns_it_finds_the_simulators_own_route(seed: int) -> None:
    simulator = EmbeddedSimulator(render=False, traffic=0)
    own = simulator.random_route(seed)
    planner = RoutePlanner(simulator.road_map(own.town))
    spec = RouteSpec(own.route_id, own.town, own.keypoints, own.weather)
    dense = planner.plan(spec)
    refuse_gaps(dense)
    assert dense.length_m == pytest.approx(own.length_m, rel=0.01, abs=2.0)
    lanes = [lane for lane, _ in groupby(dense.lanes)]
    assert [lane.lane for lane in lanes] == [lane for lane, _ in groupby(own.lane_ids)]
    turns = {RoadOption.LEFT, RoadOption.RIGHT}
    told = [option for option, _ in groupby(dense.options) if option in turns]
    assert told == [option for option, _ in groupby(own.options) if option in turns]


def spec_of(*keypoints: tuple[float, float]) -> RouteSpec:
    return RouteSpec("7", "Road", keypoints)


def test_lanes_are_changed_in_one_bound(tmp_path: Path) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    dense = planner.plan(spec_of((5.0, -1.75), (150.0, -5.25)))
    changes = [index for index, option in enumerate(dense.options) if option in CHANGES]
    assert {dense.options[index] for index in changes} == {RoadOption.CHANGE_LANE_RIGHT}
    before, after = dense.points[changes[0]], dense.points[changes[-1]]
    assert before[1] == pytest.approx(-1.75)
    assert after[1] == pytest.approx(-5.25)
    assert 4.0 <= after[0] - before[0] <= 6.0
    assert abs(dense.points[-1][0] - 150.0) < 2.0
    back = planner.plan(spec_of((5.0, -5.25), (150.0, -1.75)))
    assert RoadOption.CHANGE_LANE_LEFT in back.options


def test_nobody_is_sent_into_oncoming_traffic_or_beyond_the_end(tmp_path: Path) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    with pytest.raises(SimulatorError, match="route 7: no way leads from keypoint 0 to keypoint 1"):
        planner.plan(spec_of((5.0, -1.75), (150.0, 1.75)))


def test_a_keypoint_behind_the_one_before_is_refused(tmp_path: Path) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    with pytest.raises(SimulatorError, match="keypoint 1 lies 50 m behind keypoint 0 on its lane"):
        planner.plan(spec_of((100.0, -1.75), (50.0, -1.75), (190.0, -1.75)))
    with pytest.raises(SimulatorError, match="needs two keypoints"):
        planner.plan(spec_of((5.0, -1.75)))


@pytest.mark.parametrize("route", [None, "routes.xml", ((0.0, 0.0), (9.0, 0.0))])
def test_what_is_no_specification_of_a_route_is_refused(route: Any, tmp_path: Path) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    dense = planner.plan(spec_of((5.0, -1.75), (50.0, -1.75)))
    planned = dense.route(spec_of((5.0, -1.75), (50.0, -1.75)))
    for each in (route, planned, dense):
        for call in (
            planner.plan,
            dense.route,
            lambda one: write_routes(tmp_path / "r.xml", [one]),
        ):
            with pytest.raises(InputError, match=r"given as a RouteSpec, got .*load_routes"):
                call(each)
    with pytest.raises(InputError, match="made of a DenseRoute, got a Route"):
        agent_plan(planned, GeoReference(0.0, 0.0), SAMPLE_1_M)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keypoints", "heights_m"),
    [
        (((0.0, 0.0), (9.0,)), ()), (("ab", "cd"), ()), ((1.0, 2.0), ()),
        (((5.0, -1.75), (math.nan, 0.0)), ()), (((5.0, -1.75), (50.0, -1.75)), (0.0,)),
    ],
)  # fmt: skip
def test_keypoints_that_are_no_numbers_are_refused(
    keypoints: Any, heights_m: Any, tmp_path: Path
) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    with pytest.raises(SimulatorError, match="route 7: its keypoints must be finite numbers"):
        planner.plan(RouteSpec("7", "Road", keypoints, heights_m=heights_m))


def test_a_keypoint_beside_its_lane_ends_the_leg_where_it_is_nearest(tmp_path: Path) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    dense = planner.plan(spec_of((5.0, -5.25), (60.0, -12.0), (150.0, -5.25)))
    refuse_gaps(dense)
    assert dense.length_m == pytest.approx(145.0, abs=3.0)


def test_a_last_keypoint_beside_its_lane_leads_to_the_lanes_end(tmp_path: Path) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    beside = planner.plan(spec_of((5.0, -5.25), (60.0, -12.0)))
    assert beside.points[-1][0] == pytest.approx(200.0, abs=1.0)
    near = planner.plan(spec_of((5.0, -5.25), (60.0, -7.0)))
    assert near.points[-1][0] == pytest.approx(60.0, abs=2.0)
    with pytest.raises(SimulatorError, match="keypoint 1 lies 40 m behind keypoint 0"):
        planner.plan(spec_of((100.0, -5.25), (60.0, -5.25)))


def test_a_keypoint_far_from_every_lane_is_refused(tmp_path: Path) -> None:
    planner = RoutePlanner(carla_towns.road(tmp_path))
    with pytest.raises(SimulatorError, match=r"keypoint 1 at .* m from the nearest lane"):
        planner.plan(spec_of((5.0, -5.25), (60.0, -1000.0)))
    for nowhere in (float("nan"), float("inf")):
        with pytest.raises(SimulatorError, match="must be finite"):
            planner.plan(spec_of((5.0, -5.25), (60.0, nowhere)))


@pytest.mark.parametrize("hop_m", [0.0, -1.0, 1e-9, 1e9, float("nan"), float("inf")])
def test_a_hop_that_makes_no_route_is_refused(hop_m: float) -> None:
    roads = EmbeddedSimulator(render=False, traffic=0).road_map("EmbeddedTown1000")
    with pytest.raises(InputError, match=r"hop_m is .*; give 0\.1 to 10\.0 metres"):
        RoutePlanner(roads, hop_m)
