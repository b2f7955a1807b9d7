"""Routes of files that do not fit their town are refused, with the keypoint's name, and never
changed into other routes.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from auxdrive.errors import SimulatorError
from auxdrive_eval.route import Route
from auxdrive_eval.routes import RouteSpec, write_routes
from auxdrive_eval.routes.plan import routes_of_file
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

SEED = 9200
Keypoints = list[tuple[float, float]]


@pytest.fixture(scope="module")
def planner() -> EmbeddedSimulator:
    return EmbeddedSimulator(render=False, traffic=0)


@pytest.fixture(scope="module")
def route(planner: EmbeddedSimulator) -> Route:
    return planner.random_route(SEED)


def dense(route: Route, every: int = 10) -> Keypoints:
    return [(float(x), float(y)) for x, y in route.points[::every]]


def beside(route: Route, index: int, left_m: float) -> tuple[float, float]:
    x, y, yaw = *route.points[index], route.yaw_rad[index]
    return float(x - math.sin(yaw) * left_m), float(y + math.cos(yaw) * left_m)


def straight_m(keypoints: Keypoints) -> float:
    return float(np.linalg.norm(np.diff(np.array(keypoints), axis=0), axis=1).sum())


def test_keypoints_on_the_lanes_give_the_route_that_they_were_taken_from(
    planner: EmbeddedSimulator, route: Route
) -> None:
    for every in (5, 10, 20):
        keypoints = dense(route, every)
        planned = planner.plan(route.town, keypoints)
        assert planned.length_m == pytest.approx(straight_m(keypoints), rel=0.05)
        yaws = [float(yaw) for yaw in route.yaw_rad[::every]]
        assert np.array_equal(
            planner.plan(route.town, keypoints, yaws_rad=yaws).points, planned.points
        )
    # The sparse keypoints of a drawn route (the middle of every road, and both ends) lead around
    # its corners.
    assert np.abs(planner.plan(route.town, route.keypoints).points - route.points).max() < 1.5


@pytest.mark.parametrize("left_m", [1.0, 1.7, -2.0])
def test_a_keypoint_within_its_lane_changes_nothing(
    planner: EmbeddedSimulator, route: Route, left_m: float
) -> None:
    keypoints = dense(route)
    middle = straight_part(route)
    keypoints[middle] = beside(route, 10 * middle, left_m)
    planned = planner.plan(
        route.town, keypoints, yaws_rad=[float(yaw) for yaw in route.yaw_rad[::10]]
    )
    assert planned.length_m == pytest.approx(straight_m(dense(route)), rel=0.05)


@pytest.mark.parametrize("left_m", [2.5, 3.5, 12.0, -3.5, -12.0, 24.0])
def test_a_keypoint_off_its_lane_is_refused_by_name(
    planner: EmbeddedSimulator, route: Route, left_m: float
) -> None:
    """Without a heading it may mean the opposite lane, to which the way leads round the block."""
    keypoints = dense(route)
    middle = straight_part(route)
    keypoints[middle] = beside(route, 10 * middle, left_m)
    with pytest.raises(SimulatorError, match=f"keypoint {middle}"):
        planner.plan(route.town, keypoints)
    yaws = [float(yaw) for yaw in route.yaw_rad[::10]]
    with pytest.raises(
        SimulatorError, match=rf"keypoint {middle} .* from the middle of the nearest lane"
    ):
        planner.plan(route.town, keypoints, yaws_rad=yaws)


def straight_part(route: Route) -> int:
    """The number of a keypoint away from junctions, with neighbours straight before and
    after it.
    """
    turn = np.abs(np.diff(route.yaw_rad))
    calm = [
        i
        for i in range(2, len(route.points) // 10 - 2)
        if turn[10 * i - 15 : 10 * i + 15].max() < 0.01
    ]
    return calm[len(calm) // 2]


def chords(keypoints: Keypoints) -> list[float]:
    """The direction from each keypoint to the next; the last keypoint has that of the one
    before.
    """
    steps = np.diff(np.array(keypoints), axis=0)
    yaws = np.arctan2(steps[:, 1], steps[:, 0]).tolist()
    return [*yaws, yaws[-1]]


@pytest.mark.parametrize("seed", [2014, 2054, 3016, 3083, 3118, 9200, 9201])
def test_the_keypoints_of_a_drawn_route_lead_to_it_through_a_file(
    planner: EmbeddedSimulator, seed: int, tmp_path: Path
) -> None:
    """Also where a road winds, so that it is many times as long as straight on; with its lanes'
    headings, without, and with chords.
    """
    drawn = planner.random_route(seed)
    keypoints = [*drawn.keypoints]
    at = [int(np.argmin(np.linalg.norm(drawn.points - point, axis=1))) for point in keypoints]
    for yaws in ([], [float(drawn.yaw_rad[index]) for index in at], chords(keypoints)):
        write_routes(
            tmp_path / "routes.xml",
            [RouteSpec(str(seed), drawn.town, tuple(keypoints), drawn.weather, tuple(yaws))],
        )
        (planned,) = routes_of_file(tmp_path / "routes.xml", planner)
        assert np.allclose(planned.points, drawn.points, atol=1e-6)
        assert (planned.weather, planned.options) == (drawn.weather, drawn.options)


@pytest.mark.parametrize("left_m", [1.7, -1.7, 2.2, -2.2])
def test_keypoints_beside_the_middle_of_their_lanes_lead_through_the_same_turns(
    planner: EmbeddedSimulator, left_m: float
) -> None:
    """In a junction other lanes are nearer to them."""
    for seed in (2000, 2001, 2002):
        drawn = planner.random_route(seed)
        every = [*range(0, len(drawn.points), 20), len(drawn.points) - 1]
        keypoints = [beside(drawn, index, left_m) for index in every]
        for yaws in ([], [float(drawn.yaw_rad[index]) for index in every]):
            planned = planner.plan(drawn.town, keypoints, yaws_rad=yaws)
            assert set(planned.lane_ids) == set(drawn.lane_ids)
            assert planned.length_m == pytest.approx(drawn.length_m, abs=3.0)


@pytest.mark.parametrize("digits", [1, 3])
def test_keypoints_that_stand_there_twice_and_are_rounded_are_one(
    planner: EmbeddedSimulator, route: Route, digits: int
) -> None:
    twice = [
        point
        for index in range(5, len(route.points), 10)
        for point in (route.points[index], a_little_back(route, index, 0.3))
    ]
    planned = planner.plan(
        route.town, [(round(float(x), digits), round(float(y), digits)) for x, y in twice]
    )
    assert set(planned.lane_ids) <= set(route.lane_ids)
    assert planned.length_m == pytest.approx(len(route.points) // 10 * 10 - 1, abs=12.0)
    assert np.linalg.norm(np.diff(planned.points, axis=0), axis=1).max() < 1.6  # nowhere back


def a_little_back(route: Route, index: int, back_m: float) -> tuple[float, float]:
    x, y, yaw = *route.points[index], route.yaw_rad[index]
    return float(x - math.cos(yaw) * back_m), float(y - math.sin(yaw) * back_m)


def test_headings_that_are_not_the_lanes_are_refused(
    planner: EmbeddedSimulator, route: Route
) -> None:
    """A few chords may point anywhere, but not most of them, and no other headings may."""
    keypoints = dense(route)
    for yaws in (
        [yaw + math.pi for yaw in chords(keypoints)],
        [float(route.yaw_rad[0]) + math.pi, *[None] * (len(keypoints) - 1)],
    ):
        with pytest.raises(
            SimulatorError,
            match=r"keypoint 0 .* that runs its way .* A waypoint may do without yaw",
        ):
            planner.plan(route.town, keypoints, yaws_rad=yaws)
    backwards = keypoints[::-1]
    with pytest.raises(SimulatorError, match=r"keypoint 0 .* that runs its way"):
        planner.plan(route.town, backwards, yaws_rad=chords(backwards))


def test_legs_that_double_back_are_refused(planner: EmbeddedSimulator, route: Route) -> None:
    there = dense(route)
    swapped = [*there]
    middle = straight_part(route)
    swapped[middle], swapped[middle + 1] = swapped[middle + 1], swapped[middle]
    behind = [there[middle + 1], there[middle]]
    for keypoints in (there[::-1], there + there[::-1], swapped, behind):
        with pytest.raises(SimulatorError, match="keypoint"):
            planner.plan(route.town, keypoints)


def test_a_mirrored_file_is_refused_in_every_town(
    planner: EmbeddedSimulator, tmp_path: Path
) -> None:
    for seed in range(9200, 9212):
        drawn = planner.random_route(seed)
        mirrored = tuple((x, -y) for x, y in drawn.keypoints)
        write_routes(tmp_path / "mirrored.xml", [RouteSpec("m", drawn.town, mirrored)])
        with pytest.raises(SimulatorError, match=r"route 'm': .*keypoint \d"):
            routes_of_file(tmp_path / "mirrored.xml", planner)


def test_a_files_heading_tells_the_lane_from_the_oncoming_one(
    planner: EmbeddedSimulator, route: Route, tmp_path: Path
) -> None:
    middle = straight_part(route)
    first, last = 10 * middle - 10, 10 * middle + 10
    # nearly as far from the opposite lane
    points = (beside(route, first, 1.7), beside(route, last, 1.7))
    yaws = (float(route.yaw_rad[first]), float(route.yaw_rad[last]))
    write_routes(tmp_path / "routes.xml", [RouteSpec("a", route.town, points, yaws_rad=yaws)])
    (planned,) = routes_of_file(tmp_path / "routes.xml", planner)
    assert planned.length_m == pytest.approx(20.0, abs=1.5)
    assert math.cos(float(planned.yaw_rad[0]) - yaws[0]) > 0.7
    turned = tuple(yaw + math.pi for yaw in yaws)
    write_routes(tmp_path / "turned.xml", [RouteSpec("a", route.town, points, yaws_rad=turned)])
    with pytest.raises(SimulatorError, match="keypoint"):
        routes_of_file(tmp_path / "turned.xml", planner)


def test_the_ego_starts_with_its_centre_on_the_route(
    planner: EmbeddedSimulator, route: Route
) -> None:
    state = planner.reset(route, 1)
    assert state.ego_centre == pytest.approx(route.points[0], abs=1e-6)
    forward = np.array([math.cos(route.yaw_rad[0]), math.sin(route.yaw_rad[0])])
    nose = np.array(state.ego_centre) + state.extent[0] * forward
    assert np.linalg.norm(nose - route.points[0]) == pytest.approx(state.extent[0])


def test_a_town_without_room_for_all_cars_says_so_once(
    route: Route, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator = EmbeddedSimulator(render=False, traffic=500)
    simulator.reset(route, 1)
    placed = len(simulator.scene().cars)
    simulator.reset(route, 2)
    said = caplog.text
    assert 0 < placed < 500
    assert said.count(f"{route.town} has room for") == 1
    assert f"for {placed} moving cars of the 500" in said
    caplog.clear()
    EmbeddedSimulator(render=False, traffic=2).reset(route, 1)
    assert "room for" not in caplog.text
    assert capsys.readouterr() == ("", "")
