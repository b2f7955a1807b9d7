"""Which connectors of a junction cannot be driven at the same time, and which goes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.simulators.embedded.geometry.curves import wrap
from auxdrive_eval.simulators.embedded.town.model import Junction, JunctionKind, Lane, Town
from auxdrive_eval.simulators.right_of_way import rank_of

CLEARANCE_M = 2.6
"""Two cars cannot be side by side on centre lines that are nearer than this."""
TURNING_M = 3.4
"""Nor on lines that are nearer than this where they swing out in bends. Farther apart there is room
in any bend.
"""
CAR_M = 4.7
SHARPEST_PER_M = 0.3


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another connector that crosses or joins this one. A car on it is in the way until its tail is
    `clear_at_m` along it.
    """

    other: int
    clear_at_m: float


def junction_conflicts(town: Town) -> dict[int, tuple[Conflict, ...]]:
    """The conflicts of every connector, by lane id. Connectors that leave the same lane diverge,
    and are not in conflict.
    """
    conflicts: dict[int, tuple[Conflict, ...]] = {}
    for junction in town.junctions.values():
        lanes = [town.lanes[lane_id] for lane_id in junction.connector_ids]
        for lane in lanes:
            found = (
                conflict_of(lane, other)
                for other in lanes
                if other.predecessors != lane.predecessors
            )
            conflicts[lane.lane_id] = tuple(conflict for conflict in found if conflict is not None)
    return conflicts


def conflict_of(lane: Lane, other: Lane) -> Conflict | None:
    """How two connectors of a junction are in each other's way; None if they are not.

    Args:
        lane: one of them.
        other: the other one.
    """
    apart = apart_m(lane, other)
    close = apart < CLEARANCE_M
    if not close.any() and (apart < TURNING_M).any():
        swings_m = _swing_m(lane)[:, None] + _swing_m(other)[None]
        close = apart < np.minimum(CLEARANCE_M + swings_m, TURNING_M)
    if not close.any():
        return None
    last = np.flatnonzero(close.any(axis=0))[-1]
    return Conflict(other.lane_id, float(other.arclength[last]))


def apart_m(lane: Lane, other: Lane) -> Float64:
    """How far the points of two centre lines are apart, (N, M).

    Args:
        lane: of N points.
        other: of M points.
    """
    away = lane.centreline[:, None] - other.centreline[None]
    return np.asarray(np.hypot(*away.transpose(2, 0, 1)))


def _swing_m(lane: Lane) -> Float64:
    """How far the ends of a car swing out of a lane's bends, at each of its points."""
    bend = np.abs(np.gradient(np.unwrap(lane.yaw_rad), lane.arclength))
    return CAR_M**2 / 8 * np.minimum(bend, SHARPEST_PER_M)


def priorities(town: Town) -> dict[int, int]:
    """Rank of each connector. Of two in conflict, the one with the lower rank goes first.

    Straight on and to the right go before to the left. At a T-junction without lights, the road
    that continues goes before the road that ends; elsewhere, a lane without a sign before one that
    must stop or give way. If every arm has a stop sign, all ranks are equal, and the car that came
    first goes first.
    """
    ranks: dict[int, int] = {}
    for junction in town.junctions.values():
        minor = _minor_lanes(town, junction)
        all_stop = all(
            town.lanes[town.lanes[lane_id].predecessors[0]].stop_sign_id is not None
            for lane_id in junction.connector_ids
        )
        for lane_id in junction.connector_ids:
            lane = town.lanes[lane_id]
            yields = lane.predecessors[0] in minor
            rank = rank_of(lane.turn is RoadOption.LEFT, yields)
            ranks[lane_id] = 0 if all_stop else rank
    return ranks


def _minor_lanes(town: Town, junction: Junction) -> set[int]:
    """The arriving lanes that give way: at a T-junction that of the arm that ends there, of whose
    turns none leads straight on; elsewhere those that must stop or give way.
    """
    arriving = {town.lanes[lane_id].predecessors[0] for lane_id in junction.connector_ids}
    if junction.kind is not JunctionKind.TEE:
        return {
            lane_id
            for lane_id in arriving
            if town.lanes[lane_id].stop_sign_id is not None or town.lanes[lane_id].gives_way
        }
    straightness: dict[int, float] = {}
    for lane_id in junction.connector_ids:
        lane = town.lanes[lane_id]
        turned = abs(wrap(float(lane.yaw_rad[-1] - lane.yaw_rad[0])))
        from_lane = lane.predecessors[0]
        straightness[from_lane] = min(straightness.get(from_lane, np.inf), turned)
    return {max(straightness, key=lambda lane_id: straightness[lane_id])}
