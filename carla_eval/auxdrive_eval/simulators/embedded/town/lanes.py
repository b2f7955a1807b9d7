"""Lanes of a town: two on each road, connectors through the junctions, and the outlines of the
junctions.

Legend: an arm is the end of a road at a junction; its outward yaw points away from the junction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.simulators.embedded.geometry.curves import Curve, join, offset, resample, wrap
from auxdrive_eval.simulators.embedded.town.layout import Layout, Node
from auxdrive_eval.simulators.embedded.town.model import Junction, JunctionKind, Lane, Road

LANE_WIDTH_M = 3.5
PARKING_WIDTH_M = 2.2
VERGE_M = 0.3
SPACING_M = 1.0
SPEED_LIMITS_MPS = (7.0, 8.0)
JUNCTION_SPEED_MPS = 7.0
TURN_ANGLE_RAD = np.deg2rad(40.0)


@dataclass(frozen=True, slots=True)
class Arm:
    """The end of a road at a junction: the lane that arrives, the lane that leaves, and the pose of
    the end.
    """

    road_id: int
    arriving: int
    leaving: int
    mouth: Float64
    outward_yaw: float
    half_width_m: float


@dataclass(frozen=True, slots=True)
class Network:
    """Roads, lanes and junctions, and the arms of each junction in counter-clockwise order."""

    roads: dict[int, Road]
    lanes: dict[int, Lane]
    junctions: dict[int, Junction]
    arms: dict[int, tuple[Arm, ...]]


def build_network(layout: Layout, rng: np.random.Generator) -> Network:
    """Lanes and junctions for a layout.

    Args:
        layout: where junctions and roads lie.
        rng: draws which roads have parking bays, and their speed limits.
    """
    roads: dict[int, Road] = {}
    lanes: dict[int, Lane] = {}
    arms: dict[Node, list[Arm]] = {node: [] for node in layout.junctions}
    for road_id, plan in enumerate(layout.roads):
        parking_m = PARKING_WIDTH_M if rng.random() < 0.6 else 0.0
        half_width = LANE_WIDTH_M + (parking_m or VERGE_M)
        limit = float(rng.choice(SPEED_LIMITS_MPS))
        curve = plan.centreline
        roads[road_id] = Road(
            road_id, resample(curve.points, SPACING_M, curve.yaw_rad).points, half_width, parking_m
        )
        there, back = 2 * road_id, 2 * road_id + 1
        lanes[there] = _road_lane(there, road_id, curve, limit, parking_m)
        lanes[back] = _road_lane(back, road_id, _reversed(curve), limit, parking_m)
        arms[plan.start].append(
            Arm(road_id, back, there, curve.points[0], float(curve.yaw_rad[0]), half_width)
        )
        arms[plan.end].append(
            Arm(
                road_id, there, back, curve.points[-1], float(curve.yaw_rad[-1]) + np.pi, half_width
            )
        )

    junctions: dict[int, Junction] = {}
    arms_by_id: dict[int, tuple[Arm, ...]] = {}
    next_lane = 2 * len(roads)
    for junction_id, (node, centre) in enumerate(layout.junctions.items()):
        around = tuple(
            sorted(arms[node], key=lambda arm: float(np.arctan2(*(arm.mouth - centre)[::-1])))
        )
        connectors = _connectors(junction_id, around, lanes, next_lane, len(roads) + junction_id)
        next_lane += len(connectors)
        lanes.update(connectors)
        kind = JunctionKind.FOUR_WAY if len(around) == 4 else JunctionKind.TEE
        junctions[junction_id] = Junction(
            junction_id,
            kind,
            (float(centre[0]), float(centre[1])),
            _outline(around),
            tuple(connectors),
        )
        arms_by_id[junction_id] = around
    return Network(roads, _linked(lanes), junctions, arms_by_id)


def _reversed(curve: Curve) -> Curve:
    return Curve(curve.points[::-1], curve.arclength, curve.yaw_rad[::-1] + np.pi)


def _road_lane(
    lane_id: int, road_id: int, curve: Curve, limit_mps: float, parking_m: float
) -> Lane:
    side = resample(
        offset(curve.points, curve.yaw_rad, -LANE_WIDTH_M / 2), SPACING_M, curve.yaw_rad
    )
    return Lane(
        lane_id, road_id, side.points, side.arclength, side.yaw_rad, LANE_WIDTH_M, limit_mps,
        (), (), parking_m=parking_m,
    )  # fmt: skip


def _connectors(
    junction_id: int, arms: tuple[Arm, ...], lanes: dict[int, Lane], first_id: int, road_id: int
) -> dict[int, Lane]:
    """A lane from every arriving lane to every leaving lane of the other arms."""
    connectors: dict[int, Lane] = {}
    for a in arms:
        for b in arms:
            if a.road_id == b.road_id:
                continue
            start, end = lanes[a.arriving], lanes[b.leaving]
            curve = join(
                start.centreline[-1],
                float(start.yaw_rad[-1]),
                end.centreline[0],
                float(end.yaw_rad[0]),
                SPACING_M,
            )
            turned = wrap(float(end.yaw_rad[0] - start.yaw_rad[-1]))
            turn = (
                RoadOption.STRAIGHT
                if abs(turned) < TURN_ANGLE_RAD
                else RoadOption.LEFT
                if turned > 0
                else RoadOption.RIGHT
            )
            lane_id = first_id + len(connectors)
            connectors[lane_id] = Lane(
                lane_id, road_id, curve.points, curve.arclength, curve.yaw_rad, LANE_WIDTH_M,
                JUNCTION_SPEED_MPS, (b.leaving,), (a.arriving,), junction_id, turn,
            )  # fmt: skip
    return connectors


def _linked(lanes: dict[int, Lane]) -> dict[int, Lane]:
    """The lanes, with successors and predecessors of the road lanes, which follow from the
    connectors.
    """
    after: dict[int, list[int]] = {lane_id: [] for lane_id in lanes}
    before: dict[int, list[int]] = {lane_id: [] for lane_id in lanes}
    for lane in lanes.values():
        if lane.junction_id is not None:
            after[lane.predecessors[0]].append(lane.lane_id)
            before[lane.successors[0]].append(lane.lane_id)
    return {
        lane_id: lane
        if lane.junction_id is not None
        else replace(lane, successors=tuple(after[lane_id]), predecessors=tuple(before[lane_id]))
        for lane_id, lane in lanes.items()
    }


def _outline(arms: tuple[Arm, ...]) -> Float64:
    """The paved outline of a junction, counter-clockwise and star-shaped about its centre: the ends
    of the roads, joined by rounded kerbs.
    """
    pieces = []
    for arm, following in zip(arms, arms[1:] + arms[:1], strict=True):
        left = np.array([-np.sin(arm.outward_yaw), np.cos(arm.outward_yaw)])
        next_left = np.array([-np.sin(following.outward_yaw), np.cos(following.outward_yaw)])
        corner = arm.mouth + arm.half_width_m * left
        next_corner = following.mouth - following.half_width_m * next_left
        pieces.append((arm.mouth - arm.half_width_m * left)[None])
        pieces.append(
            join(
                corner, arm.outward_yaw + np.pi, next_corner, following.outward_yaw, SPACING_M
            ).points[:-1]
        )
        pieces.append(next_corner[None])
    outline = np.concatenate(pieces)
    apart = np.hypot(*(outline - np.roll(outline, 1, axis=0)).T) > 1e-6
    return np.asarray(outline[apart])
