"""Layout and lanes of embedded towns, for many seeds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from auxdrive.types import Float64, RoadOption
from auxdrive_eval.simulators.embedded.geometry.curves import curvature, wrap
from auxdrive_eval.simulators.embedded.town.lanes import LANE_WIDTH_M
from auxdrive_eval.simulators.embedded.town.layout import (
    JUNCTION_RADIUS_M,
    MIN_ARM_ANGLE_RAD,
    MIN_FOUR_WAYS,
    MIN_RADIUS_M,
    MIN_ROAD_M,
)
from auxdrive_eval.simulators.embedded.town.model import (
    JunctionKind,
)
from hypothesis import given
from town_drafts import FEW, SEEDS, layout_of, network_of

TURNS = {1: RoadOption.LEFT, -1: RoadOption.RIGHT, 0: RoadOption.STRAIGHT}


@FEW
@given(SEEDS)
def test_roads_lead_from_junction_to_junction_and_can_be_driven(seed: int) -> None:
    layout = layout_of(seed)
    arms = dict.fromkeys(layout.junctions, 0)
    for road in layout.roads:
        arms[road.start] += 1
        arms[road.end] += 1
        curve = road.centreline
        assert curve.length_m > MIN_ROAD_M
        assert np.abs(curvature(curve)).max() < 1 / MIN_RADIUS_M
        for node, mouth in ((road.start, curve.points[0]), (road.end, curve.points[-1])):
            away = math.dist(mouth, layout.junctions[node])
            assert 0.7 * JUNCTION_RADIUS_M < away < JUNCTION_RADIUS_M + 1.0
    assert set(arms.values()) <= {3, 4}
    assert sum(count == 4 for count in arms.values()) >= MIN_FOUR_WAYS


@FEW
@given(SEEDS)
def test_arms_of_a_junction_lie_apart_around_it(seed: int) -> None:
    layout = layout_of(seed)
    for node, centre in layout.junctions.items():
        mouths = [road.centreline.points[0] for road in layout.roads if road.start == node]
        mouths += [road.centreline.points[-1] for road in layout.roads if road.end == node]
        yaws = [math.atan2(*(mouth - centre)[::-1]) for mouth in mouths]
        for one, other in itertools.combinations(yaws, 2):
            assert abs(wrap(one - other)) >= MIN_ARM_ANGLE_RAD


@FEW
@given(SEEDS)
def test_every_junction_is_reached_from_every_other(seed: int) -> None:
    layout = layout_of(seed)
    reached = {next(iter(layout.junctions))}
    for _ in layout.roads:
        for road in layout.roads:
            if {road.start, road.end} & reached:
                reached |= {road.start, road.end}
    assert reached == set(layout.junctions)


@FEW
@given(SEEDS)
def test_connectors_join_lanes_in_position_and_heading(seed: int) -> None:
    lanes = network_of(seed).lanes
    for lane in lanes.values():
        for follower in (lanes[lane_id] for lane_id in lane.successors):
            assert lane.lane_id in follower.predecessors
            assert math.dist(lane.centreline[-1], follower.centreline[0]) < 1e-6
            assert wrap(float(follower.yaw_rad[0] - lane.yaw_rad[-1])) == pytest.approx(0, abs=1e-6)
    for lane in lanes.values():
        for leader in lane.predecessors:
            assert lane.lane_id in lanes[leader].successors


@FEW
@given(SEEDS)
def test_each_arriving_lane_leads_to_every_other_arm_and_never_back(seed: int) -> None:
    network = network_of(seed)
    for junction_id, junction in network.junctions.items():
        arms = network.arms[junction_id]
        assert len(arms) == (4 if junction.kind is JunctionKind.FOUR_WAY else 3)
        for arm in arms:
            connectors = [network.lanes[i] for i in network.lanes[arm.arriving].successors]
            left_by = {connector.successors[0] for connector in connectors}
            assert left_by == {other.leaving for other in arms if other is not arm}
            for connector in connectors:
                assert connector.junction_id == junction_id
                turned = math.degrees(float(connector.yaw_rad[-1] - connector.yaw_rad[0]))
                side = 0 if abs(turned) < 40 else int(np.sign(turned))
                assert connector.turn is TURNS[side]


@FEW
@given(SEEDS)
def test_road_lanes_run_on_the_right_half_a_lane_beside_the_middle(seed: int) -> None:
    layout, network = layout_of(seed), network_of(seed)
    for road_id, plan in enumerate(layout.roads):
        there, back = network.lanes[2 * road_id], network.lanes[2 * road_id + 1]
        line = plan.centreline.points
        for lane in (there, back):
            to = lane.centreline[:, None] - line[None]
            nearest = np.hypot(to[..., 0], to[..., 1]).argmin(axis=1)
            beside = lane.centreline - line[nearest]
            right = np.stack([np.sin(lane.yaw_rad), -np.cos(lane.yaw_rad)], axis=1)
            np.testing.assert_allclose((beside * right).sum(axis=1), LANE_WIDTH_M / 2, atol=0.02)
        assert math.dist(there.centreline[0], back.centreline[-1]) == pytest.approx(LANE_WIDTH_M)


@FEW
@given(SEEDS)
def test_a_junctions_pavement_is_counter_clockwise_and_holds_its_connectors(seed: int) -> None:
    network = network_of(seed)
    for junction in network.junctions.values():
        outline = junction.polygon - junction.centre
        angles = np.unwrap(np.arctan2(outline[:, 1], outline[:, 0]))
        assert (np.diff(angles) > 0).all()  # star-shaped
        assert angles[-1] - angles[0] < math.tau
        for lane_id in junction.connector_ids:
            for point in network.lanes[lane_id].centreline[1:-1] - junction.centre:
                assert inside(outline, point)


def inside(outline: Float64, point: Float64) -> bool:
    """Whether the point lies inside, by counting the sides that a ray to the right crosses."""
    a, b = outline, np.roll(outline, -1, axis=0)
    spans = (a[:, 1] > point[1]) != (b[:, 1] > point[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, 0] + (point[1] - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    return bool((spans & (at > point[0])).sum() % 2)
