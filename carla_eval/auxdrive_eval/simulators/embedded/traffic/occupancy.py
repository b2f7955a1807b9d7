"""Which stretches of the lanes are covered, and by whom."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car, Occupancy, Occupant


def occupancy_of(
    graph: LaneGraph, cars: Mapping[int, Car], ego_box: Float64 | None, ego_speed_mps: float
) -> Occupancy:
    """Who covers which stretches of lanes: cars on the lanes that they drive, the ego wherever its
    box lies.

    Args:
        graph: the lanes of the town.
        cars: all cars but the ego, by their ids.
        ego_box: float64 (5,), see `geometry.boxes`; None leaves the ego out.
        ego_speed_mps: in the direction of the ego's heading.
    """
    occupancy: Occupancy = {}
    lanes = graph.town.lanes
    for car in cars.values():
        tail, front = car.along_m - car.length_m / 2, car.along_m + car.length_m / 2
        occupancy.setdefault(car.lane, []).append(Occupant(car.car_id, tail, front, car.speed_mps))
        if tail < 0.0 and car.behind is not None:
            length = lanes[car.behind].length_m
            occupancy.setdefault(car.behind, []).append(
                Occupant(car.car_id, length + tail, length + front, car.speed_mps)
            )
    if ego_box is not None:
        for lane_id, occupant in _covered(graph, ego_box, ego_speed_mps):
            occupancy.setdefault(lane_id, []).append(occupant)
    for on_lane in occupancy.values():
        on_lane.sort(key=lambda occupant: (occupant.tail_m, occupant.car_id))
    return occupancy


def _covered(graph: LaneGraph, ego_box: Float64, speed_mps: float) -> list[tuple[int, Occupant]]:
    """The stretches of lanes on which a box, float64 (5,), is in the way of cars."""
    near = graph.near(float(ego_box[0]), float(ego_box[1]))
    away = graph.points[near] - ego_box[:2]
    cos, sin = math.cos(ego_box[2]), math.sin(ego_box[2])
    inside = (np.abs(away @ (cos, sin)) < ego_box[3] + 0.5) & (
        np.abs(away @ (-sin, cos)) < ego_box[4] + 1.0
    )
    found = near[inside]
    stretches: dict[int, list[int]] = {}
    for index, lane in zip(found.tolist(), graph.lane_of_point[found].tolist(), strict=True):
        stretches.setdefault(lane, []).append(index)
    result = []
    for lane, indices in stretches.items():
        first, last = indices[0], indices[-1]
        heading = float(graph.yaw_rad[(first + last) // 2])
        along = max(0.0, speed_mps * math.cos(heading - ego_box[2]))
        result.append(
            (
                lane,
                Occupant(
                    EGO_ID,
                    float(graph.arclength[first]),
                    float(graph.arclength[last]),
                    along,
                ),
            )
        )
    return result
