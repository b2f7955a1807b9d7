"""Which stretches of the lanes are covered, and by whom."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.traffic.car import Car, Claim, Occupancy, Occupant


def occupancy_of(graph: LaneGraph, cars: Mapping[int, Car], claims: Iterable[Claim]) -> Occupancy:
    """Who covers which stretches of lanes: cars on the lanes that they drive, the ego and all
    others wherever their boxes lie.

    Args:
        graph: the lanes of the town.
        cars: all cars but the ego, by their ids.
        claims: of the ego and of whoever else follows no lane.
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
    for claim in claims:
        for lane_id, occupant in _covered(graph, claim):
            occupancy.setdefault(lane_id, []).append(occupant)
    for on_lane in occupancy.values():
        if len(on_lane) > 1:
            on_lane.sort(key=lambda occupant: (occupant.tail_m, occupant.car_id))
    return occupancy


def _covered(graph: LaneGraph, claim: Claim) -> list[tuple[int, Occupant]]:
    """The stretches of lanes on which a box is in the way of cars."""
    box = claim.box
    near = graph.level(graph.near(float(box[0]), float(box[1])), claim.height_m)
    away = graph.points[near] - box[:2]
    cos, sin = math.cos(box[2]), math.sin(box[2])
    inside = (np.abs(away @ (cos, sin)) < box[3] + 0.5) & (
        np.abs(away @ (-sin, cos)) < box[4] + 1.0
    )
    found = near[inside]
    stretches: dict[int, list[int]] = {}
    for index, lane in zip(found.tolist(), graph.lane_of_point[found].tolist(), strict=True):
        stretches.setdefault(lane, []).append(index)
    result = []
    for lane, indices in stretches.items():
        first, last = indices[0], indices[-1]
        heading = float(graph.yaw_rad[(first + last) // 2])
        along = max(0.0, claim.speed_mps * math.cos(heading - box[2]))
        result.append(
            (
                lane,
                Occupant(
                    claim.user_id,
                    float(graph.arclength[first]),
                    float(graph.arclength[last]),
                    along,
                ),
            )
        )
    return result
