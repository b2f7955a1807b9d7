"""Which ways through a junction are in conflict, which goes first, and what is green together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from auxdrive.types import RoadOption
from auxdrive_eval.simulators.embedded.town.model import JunctionKind, Lane, Town
from auxdrive_eval.simulators.embedded.traffic.conflicts import (
    CLEARANCE_M,
    conflict_of,
    junction_conflicts,
    priorities,
)
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles
from auxdrive_eval.world import LightColour


def test_conflicts_are_symmetric_and_within_one_junction(town: Town) -> None:
    conflicts = junction_conflicts(town)
    assert conflicts.keys() == {i for i, lane in town.lanes.items() if lane.junction_id is not None}
    for lane_id, found in conflicts.items():
        for conflict in found:
            assert lane_id in {back.other for back in conflicts[conflict.other]}
            assert town.lanes[conflict.other].junction_id == town.lanes[lane_id].junction_id


def test_connectors_without_a_conflict_keep_clear_of_each_other(town: Town) -> None:
    conflicts = junction_conflicts(town)
    for junction in town.junctions.values():
        for one in junction.connector_ids:
            others = {conflict.other: conflict for conflict in conflicts[one]}
            for other in set(junction.connector_ids) - {one}:
                apart = gaps(town.lanes[one], town.lanes[other])
                if town.lanes[one].predecessors == town.lanes[other].predecessors:
                    assert other not in others  # they diverge from one lane
                elif other not in others:
                    assert apart.min() >= CLEARANCE_M
                else:
                    past = town.lanes[other].arclength > others[other].clear_at_m
                    assert not past.any() or apart[:, past].min() >= CLEARANCE_M
                    assert apart[:, ~past].min() < CLEARANCE_M


def gaps(one: Lane, other: Lane) -> np.ndarray:
    to = one.centreline[:, None] - other.centreline[None]
    return np.asarray(np.sqrt((to**2).sum(axis=2)))


def right_turn(like: Lane, radius_m: float, from_rad: float, y_m: float) -> Lane:
    """A quarter of a circle about (0, y), clockwise from an angle on."""
    angle = from_rad - np.linspace(0.0, np.pi / 2, 9)
    points = radius_m * np.column_stack([np.cos(angle), np.sin(angle)]) + (0.0, y_m)
    along = radius_m * np.linspace(0.0, np.pi / 2, 9)
    return replace(like, centreline=points, arclength=along, yaw_rad=angle - np.pi / 2)


def test_cars_in_tight_bends_of_narrow_roads_are_in_each_others_way(town: Town) -> None:
    """As in CARLA's Town07: one turns right into the road that the other leaves to the right. Where
    lanes are as wide as in generated towns, there is room for both.
    """
    like = next(iter(town.lanes.values()))
    for apart_m, radius_m, together in ((3.1, 4.0, False), (3.1, 30.0, True), (3.5, 4.0, True)):
        one = right_turn(like, radius_m, 0.0, 0.0)
        other = right_turn(like, radius_m, np.pi / 2, -2 * radius_m - apart_m)
        assert gaps(one, other).min() == pytest.approx(apart_m)
        assert (conflict_of(one, other) is None) == together
        assert (conflict_of(other, one) is None) == together


def test_ways_that_cross_or_meet_are_in_conflict(town: Town) -> None:
    conflicts = junction_conflicts(town)
    for junction in town.junctions.values():
        lanes = [town.lanes[i] for i in junction.connector_ids]
        for one in lanes:
            found = {conflict.other for conflict in conflicts[one.lane_id]}
            for other in lanes:
                same_exit = other.successors == one.successors and other is not one
                opposite_ways = one.turn is other.turn is RoadOption.STRAIGHT and (
                    other.successors[0] // 2 == one.predecessors[0] // 2
                )
                assert not same_exit or other.lane_id in found
                assert not opposite_ways or other.lane_id not in found


def test_left_turns_and_roads_that_end_wait(town: Town) -> None:
    ranks = priorities(town)
    for junction in town.junctions.values():
        lanes = [town.lanes[i] for i in junction.connector_ids]
        if junction.kind is JunctionKind.TEE:
            through = {lane.predecessors[0] for lane in lanes if lane.turn is RoadOption.STRAIGHT}
            ending = [ranks[lane.lane_id] for lane in lanes if lane.predecessors[0] not in through]
            if len(through) == 2:
                others = [ranks[lane.lane_id] for lane in lanes if lane.predecessors[0] in through]
                assert min(ending) > max(others)
        signed = [town.lanes[lane.predecessors[0]].stop_sign_id is not None for lane in lanes]
        if all(signed):
            assert {ranks[lane.lane_id] for lane in lanes} == {0}
            continue
        for one in lanes:
            for other in lanes:
                if one.predecessors == other.predecessors and one.turn is RoadOption.LEFT:
                    assert other.turn is RoadOption.LEFT or (
                        ranks[one.lane_id] > ranks[other.lane_id]
                    )


def test_what_is_green_together_never_crosses_but_by_turning_left(town: Town) -> None:
    cycles, conflicts = LightCycles(town, 5), junction_conflicts(town)
    seen = set()
    for time_s in np.arange(0.0, 60.0, 0.5):
        colours = cycles.colours(float(time_s))
        for junction in town.junctions.values():
            open_now = [
                lane
                for lane in (town.lanes[i] for i in junction.connector_ids)
                if (light := town.lanes[lane.predecessors[0]].light_id) is not None
                and colours[light] is not LightColour.RED
            ]
            seen |= {lane.lane_id for lane in open_now}
            straight = {lane.lane_id for lane in open_now if lane.turn is RoadOption.STRAIGHT}
            for lane_id in straight:
                assert not straight & {conflict.other for conflict in conflicts[lane_id]}
    lit = {
        i
        for i, lane in town.lanes.items()
        if lane.junction_id is not None and town.lanes[lane.predecessors[0]].light_id is not None
    }
    assert seen == lit  # each has its turn
