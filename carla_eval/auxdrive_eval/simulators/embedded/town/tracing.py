"""From a way over lanes to the dense trajectory of a route."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph, Position
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point

Stretch = tuple[int, float, float]
"""A part of a lane: the lane's id, and the distances along it at which the part begins and ends,
metres.
"""


def stretches_of(
    graph: LaneGraph, lane_ids: list[int], start: Position, goal: Position
) -> tuple[Stretch, ...]:
    """What a way covers of each of its lanes.

    Args:
        graph: the lanes of the town.
        lane_ids: the lanes of the way, in the order of driving (`LaneGraph.shortest_path`).
        start: a place on the first of them.
        goal: a place on the last of them.
    """
    last = len(lane_ids) - 1
    return tuple(
        (
            lane_id,
            start[1] if i == 0 else 0.0,
            goal[1] if i == last else graph.town.lanes[lane_id].length_m,
        )
        for i, lane_id in enumerate(lane_ids)
    )


def trace(
    graph: LaneGraph,
    stretches: Sequence[Stretch],
    keypoints: tuple[Point, ...],
    route_id: str,
    weather: Weather,
) -> Route:
    """The route along stretches of lanes, with points about 1 m apart. The points of a connector
    all have its turn as their command, as with CARLA's planner.

    Args:
        graph: the lanes of the town.
        stretches: in the order of driving; each begins where the one before ends.
        keypoints: the sparse points that the route is to carry, (x, y) in the world frame.
        route_id: id of the route.
        weather: on the route.

    Raises:
        SimulatorError: the stretches have no length.
    """
    points: list[Float64] = []
    yaw: list[Float64] = []
    options: list[RoadOption] = []
    lane_ids: list[int] = []
    for lane_id, start, end in stretches:
        lane = graph.town.lanes[lane_id]
        if end - start < 1e-6:
            continue
        at = np.linspace(start, end, max(2, round(end - start) + 1))
        if points:
            at = at[1:]  # the end of one lane is the start of the next: keep it once
        xy, heading = graph.poses(np.full(len(at), lane_id), at)
        points.append(xy)
        yaw.append(heading)
        options += [lane.turn] * len(at)
        lane_ids += [lane_id] * len(at)
        if lane.junction_id is not None and len(options) > len(at):
            options[-len(at) - 1] = lane.turn
    if not points:
        raise SimulatorError(f"route {route_id} has no length")
    return Route(
        route_id,
        graph.town.name,
        keypoints,
        np.concatenate(points),
        np.unwrap(np.concatenate(yaw)),
        tuple(options),
        weather,
        tuple(lane_ids),
    )
