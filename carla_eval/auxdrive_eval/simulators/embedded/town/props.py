"""The things that stand in a town: parked cars at the kerbs, street lamps and trees behind the
sidewalks, buildings along the roads.
"""

from __future__ import annotations

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.geometry.boxes import box, touching
from auxdrive_eval.simulators.embedded.geometry.curves import Curve, curvature, resample
from auxdrive_eval.simulators.embedded.geometry.point_grid import PointGrid
from auxdrive_eval.simulators.embedded.town.lanes import LANE_WIDTH_M, PARKING_WIDTH_M, Network
from auxdrive_eval.simulators.embedded.town.model import (
    CAR_COLOURS,
    CAR_SIZES_M,
    CarKind,
    Prop,
    PropKind,
    Road,
)

SIDEWALK_WIDTH_M = 2.5
PARKED_SHARE = 0.45
TRUNK_M = 0.5
SIDES = (1.0, -1.0)  # left and right of the road
LAMP_M = 0.25


class PropPlacer:
    """Places props one after the other. A prop that would stand on a road, a sidewalk or another
    prop is left out.

    Args:
        network: the roads and junctions that stay free.
        rng: for who places props by chance (`place_props`).
        sidewalk_m: width of the sidewalks.
    """

    def __init__(
        self, network: Network, rng: np.random.Generator, sidewalk_m: float = SIDEWALK_WIDTH_M
    ) -> None:
        self.rng = rng
        self.network = network
        self.sidewalk_m = sidewalk_m
        self.props: list[Prop] = []
        self._boxes = np.empty((0, 5))
        roads = [road.centreline for road in network.roads.values()]
        outlines = [junction.polygon for junction in network.junctions.values()]
        kerb_m = [road.half_width_m for road in network.roads.values()] + [0.0] * len(outlines)
        kerbs = [*roads, *outlines]
        self._kerbs = PointGrid(np.concatenate(kerbs))
        self._kerb_m = np.repeat(kerb_m, [len(each) for each in kerbs])
        self._widest_m = max(kerb_m)
        connectors = [
            lane.centreline for lane in network.lanes.values() if lane.junction_id is not None
        ]
        self._connectors = PointGrid(np.concatenate(connectors))

    def put(
        self,
        kind: PropKind,
        at: tuple[float, float, float],
        size: tuple[float, float, float],
        style: int,
        clear_m: float,
    ) -> bool:
        """Put a prop down, unless it would stand too near to a kerb or in another prop.

        Args:
            kind: what it is, but no parked car (`park`).
            at: (x, y, yaw) of its centre in the world frame, metres and radians.
            size: length (along the yaw), width and height, metres.
            style: selects texture and colour.
            clear_m: how far from every kerb it must stand.

        Returns:
            Whether it was put there.
        """
        new = box(*at, size[0], size[1])
        kerbs, away_m = self._kerbs.around(new, clear_m + self._widest_m)
        if (away_m - self._kerb_m[kerbs] < clear_m).any():
            return False
        lane_m = LANE_WIDTH_M / 2 + 0.3
        if (self._connectors.around(new, lane_m)[1] < lane_m).any():
            return False
        x_m, y_m, yaw_rad = map(float, at)
        return self._add(new, Prop(len(self.props), kind, x_m, y_m, yaw_rad, *size, style))

    def park(self, at: tuple[float, float, float], car: CarKind, paint: int) -> bool:
        """Put a parked car down. Parking bays are part of the road, so only other props are in its
        way.

        Args:
            at: (x, y, yaw) of its centre in the world frame, metres and radians; the yaw is its
                heading.
            car: its body type.
            paint: number of its paint colour.

        Returns:
            Whether it was put there.
        """
        size = CAR_SIZES_M[car]
        x_m, y_m, yaw_rad = map(float, at)
        return self._add(
            box(*at, size[0], size[1]),
            Prop(len(self.props), PropKind.PARKED_CAR, x_m, y_m, yaw_rad, *size, paint, car),
        )

    def _add(self, new: Float64, prop: Prop) -> bool:
        if len(touching(new, self._boxes)):
            return False
        self._boxes = np.vstack([self._boxes, new])
        self.props.append(prop)
        return True


def place_props(
    network: Network, rng: np.random.Generator, sidewalk_m: float = SIDEWALK_WIDTH_M
) -> tuple[Prop, ...]:
    """Everything that stands in the town, but lights and signs.

    Args:
        network: the roads and junctions of the town.
        rng: draws what stands where.
        sidewalk_m: width of the sidewalks.
    """
    placer = PropPlacer(network, rng, sidewalk_m)
    roads = {road_id: resample(road.centreline, 0.5) for road_id, road in network.roads.items()}
    for road_id, curve in roads.items():
        _park_cars(placer, network.roads[road_id], curve)
    for road_id, curve in roads.items():
        _line_with_trees_and_lamps(placer, network.roads[road_id], curve)
    for road_id, curve in roads.items():
        _line_with_buildings(placer, network.roads[road_id], curve)
    return tuple(placer.props)


def _beside(curve: Curve, along_m: float, left_m: float) -> tuple[float, float, float]:
    """The pose `left_m` to the left of the road at that distance along it."""
    x, y, yaw = (
        float(np.interp(along_m, curve.arclength, values))
        for values in (*curve.points.T, curve.yaw_rad)
    )
    return x - left_m * np.sin(yaw), y + left_m * np.cos(yaw), yaw


def _park_cars(placer: PropPlacer, road: Road, curve: Curve) -> None:
    """Cars in the parking bays, except near junctions and in bends, where a straight box would
    reach into the lane.
    """
    if not road.parking_m:
        return
    bend = np.abs(curvature(curve))
    for side in SIDES:
        at = 14.0 + float(placer.rng.uniform(0.0, 6.0))
        while at < curve.length_m - 14.0:
            near = np.abs(curve.arclength - at) < 4.0
            if bend[near].max() < 1 / 40.0 and placer.rng.random() < PARKED_SHARE:
                body = tuple(CarKind)[int(placer.rng.integers(len(CarKind)))]
                x, y, yaw = _beside(
                    curve,
                    at,
                    side * (LANE_WIDTH_M + PARKING_WIDTH_M - 0.2 - CAR_SIZES_M[body][1] / 2),
                )
                facing = yaw + (np.pi if side > 0 else 0.0) + float(placer.rng.normal(0.0, 0.01))
                placer.park((x, y, facing), body, int(placer.rng.integers(CAR_COLOURS)))
            at += 6.5


def _line_with_trees_and_lamps(placer: PropPlacer, road: Road, curve: Curve) -> None:
    for side in SIDES:
        at = float(placer.rng.uniform(2.0, 8.0))
        while at < curve.length_m - 2.0:
            if placer.rng.random() < 0.25:
                pose = _beside(curve, at, side * (road.half_width_m + 0.6))
                # The arm of a lamp reaches over the road, so its yaw points there.
                placer.put(
                    PropKind.POLE,
                    (pose[0], pose[1], pose[2] - side * np.pi / 2),
                    (LAMP_M, LAMP_M, 6.5),
                    0,
                    0.35,
                )
            elif placer.rng.random() < 0.6:
                pose = _beside(
                    curve,
                    at,
                    side
                    * (road.half_width_m + placer.sidewalk_m + float(placer.rng.uniform(0.8, 1.6))),
                )
                height = float(placer.rng.uniform(4.0, 8.0))
                placer.put(
                    PropKind.TREE,
                    pose,
                    (TRUNK_M, TRUNK_M, height),
                    int(placer.rng.integers(4)),
                    placer.sidewalk_m,
                )
            at += float(placer.rng.uniform(9.0, 16.0))


def _line_with_buildings(placer: PropPlacer, road: Road, curve: Curve) -> None:
    for side in SIDES:
        at = float(placer.rng.uniform(-4.0, 4.0))
        while at < curve.length_m:
            length, depth = (
                float(placer.rng.uniform(9.0, 20.0)),
                float(placer.rng.uniform(8.0, 14.0)),
            )
            height = float(placer.rng.choice((4.0, 6.5, 9.5, 12.5, 18.0))) + float(
                placer.rng.uniform(0.0, 1.0)
            )
            setback = float(placer.rng.uniform(1.0, 4.5))
            pose = _beside(
                curve,
                at + length / 2,
                side * (road.half_width_m + placer.sidewalk_m + setback + depth / 2),
            )
            stands = placer.rng.random() < 0.85 and placer.put(
                PropKind.BUILDING,
                pose,
                (length, depth, height),
                int(placer.rng.integers(12)),
                placer.sidewalk_m + 0.3,
            )
            at += length + float(placer.rng.uniform(1.0, 5.0)) if stands else 5.0
