"""Routes on towns from OpenDRIVE maps: planned as the leaderboard does, with changes of lanes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import carla_towns
import numpy as np
import pytest
from auxdrive import cli
from auxdrive.types import RoadOption
from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.road_maps.carla_map import open_map
from auxdrive_eval.routes import RouteSpec, load_routes, write_routes
from auxdrive_eval.routes.planner import RoutePlanner
from auxdrive_eval.simulators.embedded.ego.lane_changes import driven_line
from auxdrive_eval.simulators.embedded.opendrive.source import file_sha256
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from opendrive_towns import drive, real, simulator_of


def test_routes_are_planned_as_the_leaderboard_does(wide: Path) -> None:
    simulator = simulator_of(wide, 0)
    keypoints = ((10.0, -1.75), (60.0, -1.75), (190.0, -5.25), (245.25, 40.0))
    route = simulator.plan("Wide", keypoints, "7")
    spec = RouteSpec("7", "Wide", keypoints)
    dense = RoutePlanner(open_map(wide)).plan(spec).route(spec)
    assert np.array_equal(route.points, dense.points)
    assert route.options == dense.options
    assert RoadOption.CHANGE_LANE_RIGHT in route.options
    town = simulator.town("Wide")
    for lane_id, point in zip(route.lane_ids, route.points, strict=True):
        assert np.hypot(*(town.lanes[lane_id].centreline - point).T).min() < 0.6


@pytest.mark.parametrize("traffic", [0, 12])
def test_the_expert_changes_lanes(wide: Path, traffic: int) -> None:
    simulator = simulator_of(wide, traffic)
    route = simulator.plan("Wide", ((10.0, -1.75), (60.0, -1.75), (170.0, -5.25), (160.0, 85.25)))
    assert drive(simulator, route, 3, wide) == [EventKind.ROUTE_COMPLETED] * 2


def test_the_line_of_a_lane_change_is_driven_smoothly(wide: Path) -> None:
    simulator = simulator_of(wide, 0)
    route = simulator.plan("Wide", ((10.0, -1.75), (60.0, -1.75), (170.0, -5.25)))
    graph = LaneGraph(simulator.town("Wide"))
    line = driven_line(route, graph)
    (change,) = line.changes
    assert change.end_m - change.begin_m > 20.0
    assert np.abs(line.points[:, 1]).min() == pytest.approx(1.75, abs=0.01)
    assert np.abs(line.points[:, 1]).max() == pytest.approx(5.25, abs=0.01)
    steps = np.diff(line.points, axis=0)
    assert np.abs(np.arctan2(steps[:, 1], steps[:, 0])).max() < np.deg2rad(20)
    plain = simulator.random_route(0)
    assert driven_line(plain, graph).points is plain.points


def test_who_stands_beside_the_ego_keeps_it_in_its_lane(wide: Path) -> None:
    simulator = simulator_of(wide, 1)
    route = simulator.plan("Wide", ((10.0, -1.75), (60.0, -1.75), (170.0, -5.25)))
    simulator.reset(route, 0)
    driven = simulator._driving()
    (change,) = driven._tracker.line.changes
    (car,) = driven.traffic.cars.values()
    begin = driven._tracker.point_at(change.begin_m)

    def block() -> None:
        car.lane, car.speed_mps, car.accel_mps2 = change.into, 0.0, 0.0
        car.along_m = driven._kit.graph.foot(change.into, *begin)
        car.ahead = [*simulator.town("Wide").lanes[car.lane].successors]
        driven.traffic._look_ahead(car)

    for _ in range(400):
        block()
        state = simulator.step(simulator.expert())
        assert not state.contacts
    assert state.speed_mps < 0.1
    assert state.ego_centre[1] == pytest.approx(-1.75, abs=0.3)


def test_a_route_file_is_driven_on_a_map(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "routes.xml"
    write_routes(file, [RouteSpec("5", "Small", ((20.0, -1.75), (60.0, -1.75)))])

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["auxdrive", "drive", "expert", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        return int(exit_info.value.code or 0)

    out = tmp_path / "out"
    common = ("--town", small, "--routes", file, "--traffic", 2, "--out", out)
    assert run(*common, "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)["_checkpoint"]["records"]
    assert record["status"] == "Completed"
    assert record["scores"]["score_composed"] == 100.0
    settings = json.loads((out / "settings.json").read_text())["simulator"]["options"]
    assert settings["town_sha256"] == file_sha256(small)
    write_routes(file, [RouteSpec("5", "Town03", ((20.0, -1.75), (60.0, -1.75)))])
    assert run(*common[:4], "--out", tmp_path / "other") == 2
    assert "'Town03' is not the town of" in " ".join(capsys.readouterr().err.split())


def test_leaderboard_routes_are_driven_on_their_town() -> None:
    path, file = real("Town01"), carla_towns.ROUTES / "leaderboard1_training.xml"
    if not file.exists():
        pytest.skip(f"no routes in {carla_towns.ROUTES}")
    specs = [spec for spec in load_routes(file) if spec.town == "Town01"]
    simulator = simulator_of(path, 5)
    routes = [simulator.plan(s.town, s.keypoints, s.route_id, s.weather, s.yaws_rad) for s in specs]
    assert len(routes) == 10
    shortest = min(routes, key=lambda route: route.length_m)
    assert drive(simulator, shortest, 1, path) == [EventKind.ROUTE_COMPLETED] * 2
