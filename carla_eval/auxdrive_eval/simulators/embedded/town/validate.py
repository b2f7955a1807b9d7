"""The conditions that every town must meet before anybody drives in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.geometry.curves import Curve, curvature, wrap
from auxdrive_eval.simulators.embedded.geometry.point_grid import PointGrid
from auxdrive_eval.simulators.embedded.town.model import Lane, Town

MAX_GAP_M = 0.05
MAX_KINK_RAD = np.deg2rad(2.0)
MIN_ROAD_RADIUS_M = 10.0
MIN_CONNECTOR_RADIUS_M = 6.0
CLEAR_OF_ROAD_LANE_M = 1.7
CLEAR_OF_CONNECTOR_M = 1.4


def town_faults(town: Town) -> list[str]:
    """Every condition that the town breaks, in words; empty for a sound town."""
    return [*lane_faults(town.lanes), *_prop_faults(town), *_reach_faults(town)]


def lane_faults(lanes: Mapping[int, Lane]) -> list[str]:
    """Every condition that lanes break by their shapes and how they meet, in words.

    Args:
        lanes: of a town, by their ids.
    """
    return [*_join_faults(lanes), *_bend_faults(lanes)]


def _join_faults(lanes: Mapping[int, Lane]) -> list[str]:
    faults = []
    for lane in lanes.values():
        if not lane.successors or not lane.predecessors:
            faults.append(f"lane {lane.lane_id} is a dead end")
        for successor in lane.successors:
            after = lanes[successor]
            if lane.lane_id not in after.predecessors:
                faults.append(f"lane {successor} does not know its predecessor {lane.lane_id}")
            gap = float(np.hypot(*(after.centreline[0] - lane.centreline[-1])))
            kink = abs(wrap(float(after.yaw_rad[0] - lane.yaw_rad[-1])))
            if gap > MAX_GAP_M or kink > MAX_KINK_RAD:
                faults.append(
                    f"lane {lane.lane_id} meets {successor} with a gap of {gap:.3f} m and a kink "
                    f"of {np.rad2deg(kink):.2f} degrees"
                )
    return faults


def _bend_faults(lanes: Mapping[int, Lane]) -> list[str]:
    faults = []
    for lane in lanes.values():
        tightest = 1 / max(
            1e-6,
            float(np.abs(curvature(Curve(lane.centreline, lane.arclength, lane.yaw_rad))).max()),
        )
        limit = MIN_ROAD_RADIUS_M if lane.junction_id is None else MIN_CONNECTOR_RADIUS_M
        if tightest < limit:
            faults.append(
                f"lane {lane.lane_id} bends with a radius of {tightest:.1f} m, less than {limit} m"
            )
    return faults


def _prop_faults(town: Town) -> list[str]:
    faults = []
    lanes = town.lanes.values()
    points = PointGrid(np.concatenate([lane.centreline for lane in lanes]))
    clear_m = np.repeat(
        [
            CLEAR_OF_ROAD_LANE_M if each.junction_id is None else CLEAR_OF_CONNECTOR_M
            for each in lanes
        ],
        [len(each.centreline) for each in lanes],
    )
    most_m = max(CLEAR_OF_ROAD_LANE_M, CLEAR_OF_CONNECTOR_M)
    things = [
        (
            f"{prop.kind} {prop.prop_id}",
            box(prop.x_m, prop.y_m, prop.yaw_rad, prop.length_m, prop.width_m),
        )
        for prop in town.props
    ]
    things += [
        (f"light {light.light_id}", box(*light.location, light.yaw_rad, 0.3, 0.3))
        for light in town.lights.values()
    ]
    things += [
        (f"stop sign {sign.sign_id}", box(*sign.location, sign.yaw_rad, 0.3, 0.3))
        for sign in town.stop_signs.values()
    ]
    for name, footprint in things:
        near, away_m = points.around(footprint, most_m)
        if (away_m < clear_m[near]).any():
            faults.append(f"{name} stands in a driving lane")
    return faults


def _reach_faults(town: Town) -> list[str]:
    """Every lane must be reachable from every other: from one lane forwards, and backwards, all are
    reached.
    """
    first = min(town.lanes)
    for direction in ("successors", "predecessors"):
        reached, pending = {first}, [first]
        while pending:
            for lane_id in getattr(town.lanes[pending.pop()], direction):
                if lane_id not in reached:
                    reached.add(lane_id)
                    pending.append(lane_id)
        if len(reached) < len(town.lanes):
            return [f"{len(town.lanes) - len(reached)} lanes cannot be reached along {direction}"]
    return []
