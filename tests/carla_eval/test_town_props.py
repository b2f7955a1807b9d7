"""What stands in embedded towns, for many seeds."""

from __future__ import annotations

import math

import numpy as np
from auxdrive.types import RoadOption
from auxdrive_eval.random_streams import stream
from auxdrive_eval.simulators.embedded.geometry.boxes import box, distances, overlaps
from auxdrive_eval.simulators.embedded.geometry.curves import wrap
from auxdrive_eval.simulators.embedded.town.lanes import LANE_WIDTH_M
from auxdrive_eval.simulators.embedded.town.model import (
    CarKind,
    PropKind,
)
from auxdrive_eval.simulators.embedded.town.props import PropPlacer, place_props
from hypothesis import given
from town_drafts import FEW, SEEDS, network_of


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
