"""Layout, lanes, signals and props of embedded towns, for many seeds."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
import pytest
from auxdrive.types import Float64, RoadOption
from auxdrive_eval.random_streams import stream
from auxdrive_eval.simulators.embedded.geometry.boxes import box, distances, overlaps
from auxdrive_eval.simulators.embedded.geometry.curves import curvature, wrap
from auxdrive_eval.simulators.embedded.town.lanes import LANE_WIDTH_M, Network, build_network
from auxdrive_eval.simulators.embedded.town.layout import (
    JUNCTION_RADIUS_M,
    MIN_ARM_ANGLE_RAD,
    MIN_FOUR_WAYS,
    MIN_RADIUS_M,
    MIN_ROAD_M,
    Layout,
    draft_layout,
)
from auxdrive_eval.simulators.embedded.town.model import (
    CarKind,
    JunctionKind,
    Lane,
    PropKind,
    StopSign,
    TrafficLight,
)
from auxdrive_eval.simulators.embedded.town.props import PropPlacer, place_props
from auxdrive_eval.simulators.embedded.town.signals import minor_arm, place_signals
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 60)
TURNS = {1: RoadOption.LEFT, -1: RoadOption.RIGHT, 0: RoadOption.STRAIGHT}
FEW = settings(max_examples=6, deadline=None)


@lru_cache(maxsize=64)
def layout_of(seed: int) -> Layout:
    """The first draft of a seed that can be driven."""
    return next(
        layout
        for draft in itertools.count()
        if (layout := draft_layout(stream(seed, "layout", draft))) is not None
    )


@lru_cache(maxsize=64)
def network_of(seed: int) -> Network:
    return build_network(layout_of(seed), stream(seed, "roads"))


@lru_cache(maxsize=64)
def signals_of(
    seed: int,
) -> tuple[dict[int, Lane], dict[int, TrafficLight], dict[int, StopSign]]:
    return place_signals(network_of(seed), stream(seed, "signals"))


# Layout


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


# Lanes


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


# Signals


@FEW
@given(SEEDS)
def test_signals_stand_at_arriving_lanes_one_of_a_kind_each(seed: int) -> None:
    network = network_of(seed)
    lanes, lights, signs = signals_of(seed)
    arriving = {arm.arriving for arms in network.arms.values() for arm in arms}
    assert lights
    for signal in (*lights.values(), *signs.values()):
        lane = lanes[signal.lane_id]
        assert signal.lane_id in arriving
        assert (lane.light_id is None) != (lane.stop_sign_id is None)
        turned = wrap(signal.yaw_rad - float(lane.yaw_rad[-1]))
        assert abs(turned) == pytest.approx(math.pi, abs=1e-6)
        (left, right), end = np.array(signal.stop_line), lane.centreline[-1]
        np.testing.assert_allclose((left + right) / 2, end)
        assert math.dist(left, right) == pytest.approx(lane.width_m)
        ahead = np.array([math.cos(lane.yaw_rad[-1]), math.sin(lane.yaw_rad[-1])])
        assert (right - left) @ ahead == pytest.approx(0.0, abs=1e-9)
        assert ahead[0] * (left - end)[1] - ahead[1] * (left - end)[0] > 0
    assert {lane.light_id for lane in lanes.values()} - {None} == set(lights)
    assert {lane.stop_sign_id for lane in lanes.values()} - {None} == set(signs)


@FEW
@given(SEEDS)
def test_lights_of_one_group_face_each_other_and_the_groups_cross(seed: int) -> None:
    """So lanes of a junction that are green together cross only by turning left."""
    network = network_of(seed)
    _, lights, _ = signals_of(seed)
    for junction_id, junction in network.junctions.items():
        here = [light for light in lights.values() if light.junction_id == junction_id]
        if not here:
            continue
        assert junction.kind is JunctionKind.FOUR_WAY
        around = sorted(here, key=lambda light: light.yaw_rad)
        assert [light.group for light in around] in ([0, 1, 0, 1], [1, 0, 1, 0])
        for one, other in itertools.combinations(here, 2):
            if one.group == other.group:
                assert abs(wrap(one.yaw_rad - other.yaw_rad)) > math.radians(116)


def test_a_t_junctions_minor_arm_is_the_one_whose_ways_both_turn() -> None:
    for seed in range(4):
        network = network_of(seed)
        _, _, signs = signals_of(seed)
        for junction_id, junction in network.junctions.items():
            if junction.kind is not JunctionKind.TEE:
                continue
            arms = network.arms[junction_id]
            least = {
                arm.road_id: min(
                    abs(float(lane.yaw_rad[-1] - lane.yaw_rad[0]))
                    for lane in (network.lanes[i] for i in network.lanes[arm.arriving].successors)
                )
                for arm in arms
            }
            assert minor_arm(arms).road_id == max(least, key=lambda road: least[road])
            signed = [sign.lane_id for sign in signs.values() if sign.junction_id == junction_id]
            assert signed in ([], [minor_arm(arms).arriving])


# Props


@FEW
@given(SEEDS)
def test_no_prop_stands_on_a_lane_or_in_another(seed: int) -> None:
    network = network_of(seed)
    props = place_props(network, stream(seed, "props"))
    assert [prop.prop_id for prop in props] == list(range(len(props)))
    boxes = np.array([box(p.x_m, p.y_m, p.yaw_rad, p.length_m, p.width_m) for p in props])
    for index, footprint in enumerate(boxes):
        assert (overlaps(footprint, np.delete(boxes, index, axis=0)) == 0).all()
    for lane in network.lanes.values():
        half = LANE_WIDTH_M / 2 - 0.05
        for prop, footprint in zip(props, boxes, strict=True):
            assert distances(footprint, lane.centreline).min() > half, prop


@FEW
@given(SEEDS)
def test_parked_cars_face_the_traffic_of_their_side_in_a_bay(seed: int) -> None:
    network = network_of(seed)
    props = place_props(network, stream(seed, "props"))
    parked = [prop for prop in props if prop.kind is PropKind.PARKED_CAR]
    assert parked
    roads = [lane for lane in network.lanes.values() if lane.junction_id is None]
    for car in parked:
        away = {lane.lane_id: np.hypot(*(lane.centreline - (car.x_m, car.y_m)).T) for lane in roads}
        lane = min(roads, key=lambda lane: away[lane.lane_id].min())
        nearest = int(away[lane.lane_id].argmin())
        assert network.roads[lane.road_id].parking_m > 0
        assert abs(wrap(car.yaw_rad - float(lane.yaw_rad[nearest]))) < math.radians(6)


def test_a_lamp_points_over_its_road() -> None:
    network = network_of(1)
    middles = np.concatenate([road.centreline for road in network.roads.values()])
    lamps = [p for p in place_props(network, stream(1, "props")) if p.kind is PropKind.POLE]
    assert lamps
    for lamp in lamps:
        foot = np.array([lamp.x_m, lamp.y_m])
        tip = foot + 2.0 * np.array([math.cos(lamp.yaw_rad), math.sin(lamp.yaw_rad)])
        nearer = np.hypot(*(middles - foot).T).min() - np.hypot(*(middles - tip).T).min()
        assert nearer > 1.5


def test_the_placer_refuses_roads_and_what_is_taken() -> None:
    placer = PropPlacer(network_of(0), stream(0, "props"))
    size, somewhere = (2.0, 2.0, 2.0), (4000.0, 0.0, 0.0)
    x, y = next(iter(placer.network.roads.values())).centreline[10]
    assert not placer.put(PropKind.BUILDING, (float(x), float(y), 0.0), size, 0, 0.0)
    # In the middle of a junction, kerbs and road centre lines are far away, but cars drive there.
    for lane in placer.network.lanes.values():
        if lane.turn is RoadOption.STRAIGHT:
            x, y = lane.centreline[len(lane.centreline) // 2]
            assert not placer.put(PropKind.POLE, (float(x), float(y), 0.0), (0.2, 0.2, 2), 0, 0.0)
    assert placer.put(PropKind.BUILDING, somewhere, size, 0, 0.0)
    assert not placer.put(PropKind.TREE, (4001.0, 0.5, 1.0), size, 0, 0.0)
    assert not placer.park((4001.0, 0.5, 1.0), CarKind.VAN, 0)
    assert placer.park((4008.0, 0.0, 0.0), CarKind.VAN, 0)
    assert [(prop.prop_id, prop.kind) for prop in placer.props] == [
        (0, PropKind.BUILDING),
        (1, PropKind.PARKED_CAR),
    ]
