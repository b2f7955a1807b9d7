"""Generated towns: sound for every seed, the same in every process, and refused by name when they
do not exist.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from auxdrive.errors import SimulatorError
from auxdrive.types import RoadOption
from auxdrive_eval.simulators.embedded.geometry.boxes import box, distances, overlaps, touching
from auxdrive_eval.simulators.embedded.geometry.point_grid import PointGrid
from auxdrive_eval.simulators.embedded.spec import EmbeddedOptions
from auxdrive_eval.simulators.embedded.town.generate import generate_town, town_from_name, town_name
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import PropKind
from auxdrive_eval.simulators.embedded.town.routing import plan_route, random_route
from auxdrive_eval.simulators.embedded.town.validate import town_faults
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

SEEDS = st.integers(0, 9999)


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_every_town_is_sound_and_furnished(seed: int) -> None:
    town = generate_town(seed)
    assert town_faults(town) == []
    assert town.lights
    assert {PropKind.BUILDING, PropKind.TREE, PropKind.PARKED_CAR} <= {
        prop.kind for prop in town.props
    }
    width, depth = town.bounds[2] - town.bounds[0], town.bounds[3] - town.bounds[1]
    assert 250 < width < 450
    assert 250 < depth < 450


def test_validation_sees_a_prop_in_a_lane_and_a_gap() -> None:
    town = generate_town(3)
    lane = next(lane for lane in town.lanes.values() if lane.junction_id is None)
    x, y = (float(value) for value in lane.centreline[len(lane.centreline) // 2])
    blocked = replace(town, props=(replace(town.props[0], x_m=x, y_m=y), *town.props[1:]))
    assert any("stands in a driving lane" in fault for fault in town_faults(blocked))
    moved = replace(lane, centreline=lane.centreline + 0.2)
    assert any(
        "gap" in fault
        for fault in town_faults(replace(town, lanes={**town.lanes, lane.lane_id: moved}))
    )


def test_validation_sees_dead_ends_and_lanes_that_do_not_know_each_other() -> None:
    town = generate_town(3)
    lane = next(lane for lane in town.lanes.values() if lane.junction_id is None)
    ends = {**town.lanes, lane.lane_id: replace(lane, successors=())}
    faults = town_faults(replace(town, lanes=ends))
    assert f"lane {lane.lane_id} is a dead end" in faults
    assert any("cannot be reached along" in fault for fault in faults)
    follower = town.lanes[lane.successors[0]]
    others = tuple(other for other in follower.predecessors if other != lane.lane_id)
    forgets = {**town.lanes, follower.lane_id: replace(follower, predecessors=others)}
    told = f"lane {follower.lane_id} does not know its predecessor {lane.lane_id}"
    assert told in town_faults(replace(town, lanes=forgets))


def test_towns_are_the_same_in_another_process() -> None:
    program = "from test_embedded_town import digest; print(digest(11))"
    command = [sys.executable, "-c", program]
    run = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "77"},
    )
    assert run.stdout.strip() == digest(11)
    assert digest(11) != digest(12)


def digest(seed: int) -> str:
    town = generate_town(seed)
    numbers = [lane.centreline for lane in town.lanes.values()]
    numbers.append(
        np.array([(prop.x_m, prop.y_m, prop.yaw_rad, prop.style) for prop in town.props])
    )
    return hashlib.sha256(b"".join(array.tobytes() for array in numbers)).hexdigest()


@pytest.mark.parametrize(
    "name", ["Town05", "EmbeddedTown1", "EmbeddedTown00001", "", "EmbeddedTown-001"]
)
def test_unknown_towns_are_refused(name: str) -> None:
    with pytest.raises(SimulatorError, match="is no town of the embedded simulator"):
        town_from_name(name)


def test_seed_out_of_range() -> None:
    with pytest.raises(SimulatorError, match="from 0 to 9999"):
        town_name(10_000)


@pytest.fixture(scope="module")
def graph() -> LaneGraph:
    return LaneGraph(generate_town(5))


def test_nearest_lane_finds_offset_and_heading(graph: LaneGraph) -> None:
    for lane in graph.town.lanes.values():
        if lane.junction_id is not None:
            continue
        middle = len(lane.centreline) // 2
        yaw = float(lane.yaw_rad[middle])
        x, y = lane.centreline[middle] + 0.6 * np.array([-np.sin(yaw), np.cos(yaw)])
        view = graph.nearest_lane(float(x), float(y), yaw)
        assert view.lane_id == lane.lane_id
        assert view.offset_m == pytest.approx(0.6, abs=0.02)
        assert not view.in_junction
        # On roads by position alone: a car that faces the wrong way is told so.
        assert graph.nearest_lane(float(x), float(y), yaw + np.pi).lane_id == lane.lane_id


def test_nearest_lane_works_outside_the_town(graph: LaneGraph) -> None:
    assert abs(graph.nearest_lane(5000.0, 0.0, 0.0).offset_m) > 0


def test_shortest_path_agrees_with_exhaustive_search(graph: LaneGraph) -> None:
    """Compared with Bellman-Ford over lanes, which is independent of Dijkstra."""
    lanes = graph.town.lanes
    start = min(lanes)
    cost = dict.fromkeys(lanes, np.inf)
    for successor in lanes[start].successors:
        cost[successor] = lanes[start].length_m - 3.0
    for _ in lanes:
        for lane in lanes.values():
            for successor in lane.successors:
                cost[successor] = min(cost[successor], cost[lane.lane_id] + lane.length_m)
    for goal in sorted(lanes)[1:]:
        found = graph.shortest_path((start, 3.0), (goal, 1.0))
        assert found is not None
        assert found[1] == pytest.approx(cost[goal] + 1.0)
        assert found[0][0] == start
        assert all(b in lanes[a].successors for a, b in zip(found[0], found[0][1:], strict=False))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**63))
def test_random_routes_are_continuous_and_turn(graph: LaneGraph, seed: int) -> None:
    route = random_route(graph, seed)
    steps = np.hypot(*np.diff(route.points, axis=0).T)
    assert steps.min() > 0.4
    assert steps.max() < 1.6
    assert 150 <= route.length_m <= 400
    assert {RoadOption.LEFT, RoadOption.RIGHT} & set(route.options)
    again = plan_route(graph, route.keypoints)
    assert list(dict.fromkeys(again.lane_ids)) == list(dict.fromkeys(route.lane_ids))


def test_options_change_where_the_connector_begins(graph: LaneGraph) -> None:
    route = random_route(graph, 1)
    for index in range(1, len(route.options)):
        if (
            route.options[index] is not route.options[index - 1]
            and route.options[index] is not RoadOption.LANE_FOLLOW
        ):
            assert graph.town.lanes[route.lane_ids[index + 1]].junction_id is not None
            assert graph.town.lanes[route.lane_ids[index]].junction_id is None


@pytest.mark.parametrize(
    ("keypoints", "message"),
    [
        ([(0.0, 0.0)], "two keypoints"),
        ([(0.0, 0.0), (float("nan"), 1.0)], "not finite"),
        ([(0.0, 0.0), (9000.0, 0.0)], "from the middle of the nearest lane"),
    ],
)
def test_bad_keypoints(
    graph: LaneGraph, keypoints: list[tuple[float, float]], message: str
) -> None:
    on_lane = tuple(float(value) for value in graph.points[0])
    with pytest.raises(SimulatorError, match=message):
        plan_route(graph, [(on_lane[0], on_lane[1]), *keypoints[1:]])


def test_keypoints_in_one_place_make_no_route(graph: LaneGraph) -> None:
    point = (float(graph.points[20, 0]), float(graph.points[20, 1]))
    with pytest.raises(SimulatorError, match=r"apart along the lanes"):
        plan_route(graph, [point, point])


POSITIONS, ANGLES, SIZES = st.floats(-4, 4), st.floats(-4, 4), st.floats(0.2, 3)


@given(POSITIONS, POSITIONS, ANGLES, ANGLES, SIZES, SIZES)
def test_boxes_overlap_as_a_dense_sampling_says(
    x: float, y: float, yaw: float, other_yaw: float, length: float, width: float
) -> None:
    one, other = box(0.0, 0.0, yaw, 2.0, 1.0), box(x, y, other_yaw, length, width)
    along, across = np.meshgrid(
        np.linspace(-1, 1, 41) * length / 2, np.linspace(-1, 1, 41) * width / 2
    )
    cos, sin = np.cos(other_yaw), np.sin(other_yaw)
    points = np.stack(
        [x + along * cos - across * sin, y + along * sin + across * cos], axis=-1
    ).reshape(-1, 2)
    nearest = distances(one, points).min()
    depth = overlaps(one, other[None])[0]
    if nearest > 0.11:  # farther than the samples are apart
        assert depth == 0


def test_boxes_overlap_by_as_much_as_has_to_be_moved() -> None:
    one = box(0.0, 0.0, 0.0, 4.0, 2.0)
    along, across, tilted = (
        box(2.5, 0.0, 0.0, 2.0, 2.0),
        box(0.0, 1.5, np.pi / 2, 2.0, 2.0),
        box(2.9, 0.0, np.pi / 4, 2.0, 2.0),
    )
    np.testing.assert_allclose(
        overlaps(one, np.stack([along, across, tilted])),
        [0.5, 0.5, 2 + np.sqrt(2) - 2.9],
        atol=1e-9,
    )
    np.testing.assert_allclose(overlaps(tilted, one[None]), [2 + np.sqrt(2) - 2.9], atol=1e-9)


def test_looking_near_a_box_alone_finds_what_looking_everywhere_does() -> None:
    rng = np.random.default_rng(0)
    boxes = np.column_stack(
        [rng.uniform(-60, 60, (300, 2)), rng.uniform(-4, 4, 300), rng.uniform(0.2, 9, (300, 2))]
    )
    points = rng.uniform(-60, 60, (4000, 2))
    grid = PointGrid(points)
    for one in boxes[:40]:
        assert (touching(one, boxes) == np.flatnonzero(overlaps(one, boxes) > 0)).all()
        near, away_m = grid.around(one, 3.0)
        whole = distances(one, points)
        assert (away_m == whole[near]).all()
        assert set(np.flatnonzero(whole <= 3.0)) <= set(near)
        assert len(near) < len(points) / 2


def test_a_seed_without_a_route_of_that_length_is_refused_by_name() -> None:
    graph = LaneGraph(generate_town(3))
    with pytest.raises(SimulatorError, match=r"Town0003: no route of 90000.* seed 5; widen"):
        random_route(graph, 5, 90_000.0, 90_001.0)


@pytest.mark.parametrize("traffic", [-1, 501])
def test_options_take_a_possible_number_of_cars(traffic: int) -> None:
    with pytest.raises(ValidationError, match=f"number of moving cars is 0 to 500, got {traffic}"):
        EmbeddedOptions(traffic=traffic)
    assert EmbeddedOptions(traffic=500).traffic == 500
