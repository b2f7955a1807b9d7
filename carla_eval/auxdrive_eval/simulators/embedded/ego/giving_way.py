"""Who goes first in a junction, by what a driver sees: where others are and how fast, which lanes
they are on, and the rules of the town. What others intend is not seen: who comes to a junction may
take any way through it.

Legend: distances along a connector count from its beginning, and are negative before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.simulators.embedded.ego.sight import EYE_M
from auxdrive_eval.simulators.embedded.geometry.curves import wrap
from auxdrive_eval.simulators.embedded.town.model import Lane, Town
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.conflicts import CLEARANCE_M, priorities

STANDS_MPS = 0.3
WATCHED_M = 40.0
"""Others count no farther before their lines."""
FIRM_MPS2 = 3.5
"""Who would have to brake harder than this for its line will not stop, whoever has priority."""
OTHERS_ACCEL_MPS2, OTHERS_MPS = 1.5, 8.0
OWN_ACCEL_MPS2, OWN_STRAIGHT_MPS, OWN_TURN_MPS = 1.5, 7.0, 5.0
START_S = 0.5
BEFORE_S, AFTER_S = 1.0, 0.4
"""What must lie between leaving a place and another's arrival there, and the other way round."""
STARTING_S = 2.0
"""A car that stands before a green light is given this long to start."""
AT_LINE_M, ROLLS_MPS, BRAKE_LAMPS_MPS2 = 2.0, 0.5, -0.5
SAME_WAY_M = 0.8
"""Connectors from one lane are told apart where they are farther from each other."""
HIDDEN_STEP_M, HIDDEN_REACH_M = 3.0, 24.0


class Meeting(NamedTuple):
    """Where two connectors of a junction are too near for two cars: along the one, and along the
    other.
    """

    from_m: float
    to_m: float
    other_from_m: float
    other_to_m: float


class Own(NamedTuple):
    """A driver who wants to go, as seen by himself.

    Attributes:
        connector: that he drives, or is about to.
        front_m: his front bumper along it.
        speed_mps: his speed.
        length_m: of his car.
    """

    connector: int
    front_m: float
    speed_mps: float
    length_m: float


class Rival(NamedTuple):
    """Another who goes first.

    Attributes:
        car_id: who it is.
        from_m: where along the own connector its way begins.
        comes: whether it is in the junction or will not stop before it.
    """

    car_id: int
    from_m: float
    comes: bool


@dataclass(frozen=True, slots=True)
class Approach:
    """The way by which somebody with priority may come: places (N, 3) in the world frame, and how
    far each is from where the ways meet, which is from `from_m` to `to_m` of the own connector.
    """

    places: Float64
    away_m: Float64
    from_m: float
    to_m: float

    def arrives_s(self, away_m: float) -> float:
        """How soon somebody could be there.

        Args:
            away_m: where he is.
        """
        return away_m / OTHERS_MPS


class RightOfWay:
    """The rules of a town's junctions, for a driver who sees others but not their intentions.

    Args:
        town: whose junctions they are.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self._rank = priorities(town)
        self._met: dict[int, dict[int, Meeting]] = {}
        self._approaches: dict[int, tuple[Approach, ...]] = {}

    def meetings(self, connector: int) -> dict[int, Meeting]:
        """The other connectors that cross or join one, by their ids."""
        if connector not in self._met:
            lane = self._town.lanes[connector]
            assert lane.junction_id is not None
            others = (
                self._town.lanes[each]
                for each in self._town.junctions[lane.junction_id].connector_ids
            )
            found = {
                other.lane_id: _meeting(lane, other)
                for other in others
                if other.predecessors != lane.predecessors
            }
            self._met[connector] = {each: met for each, met in found.items() if met is not None}
        return self._met[connector]

    def rivals(
        self, own: Own, seen: Iterable[Car], green_s: Mapping[int, float]
    ) -> tuple[Rival, ...]:
        """Who goes first of those that are seen.

        Args:
            own: the driver.
            seen: the cars in his view.
            green_s: for how long each light has been green, by its id.
        """
        meetings, found = self.meetings(own.connector), []
        for other in seen:
            for connector, at_m in self._ways(other):
                met = meetings.get(connector)
                if met is None or own.front_m >= met.from_m:
                    continue
                if self._goes_first(own, met, other, connector, at_m, green_s):
                    comes = self._comes(other, -at_m - other.length_m / 2)
                    found.append(Rival(other.car_id, met.from_m, comes))
        return tuple(found)

    def approaches(self, connector: int) -> tuple[Approach, ...]:
        """The ways by which somebody with priority may come, one for each lane that leads there.

        Args:
            connector: the own one.
        """
        if connector not in self._approaches:
            ways: dict[int, tuple[int, Meeting]] = {}
            for other, met in self.meetings(connector).items():
                lane = self._town.lanes[other].predecessors[0]
                if self._has_priority(other, connector) and (
                    lane not in ways or met.from_m < ways[lane][1].from_m
                ):
                    ways[lane] = other, met
            self._approaches[connector] = tuple(
                self._approach(other, met) for other, met in ways.values()
            )
        return self._approaches[connector]

    def clear_s(self, own: Own, to_m: float) -> float:
        """How long the driver takes until his tail is beyond a place of his connector.

        Args:
            own: the driver.
            to_m: the place.
        """
        turns = self._town.lanes[own.connector].turn is not RoadOption.STRAIGHT
        top_mps = OWN_TURN_MPS if turns else OWN_STRAIGHT_MPS
        start_s = START_S if own.speed_mps < STANDS_MPS else 0.0
        way_m = to_m + own.length_m - own.front_m
        return start_s + _time_s(way_m, own.speed_mps, OWN_ACCEL_MPS2, top_mps)

    def _goes_first(
        self,
        own: Own,
        met: Meeting,
        other: Car,
        connector: int,
        at_m: float,
        green_s: Mapping[int, float],
    ) -> bool:
        to_line_m = -at_m - other.length_m / 2
        enters_m = met.other_from_m - at_m - other.length_m / 2
        leaves_m = met.other_to_m - at_m + other.length_m / 2
        speed = other.speed_mps
        if leaves_m <= 0.0 or to_line_m > WATCHED_M:
            return False
        priority = self._has_priority(connector, own.connector)
        if speed < STANDS_MPS:
            starts = priority and self._starts(own, connector, to_line_m, green_s)
            return enters_m <= 0.0 or starts
        if not (priority or self._comes(other, to_line_m)):
            return False
        arrives_s = _time_s(enters_m, speed, OTHERS_ACCEL_MPS2, OTHERS_MPS)
        gone_s = leaves_m / speed
        there_s = self.clear_s(own, met.from_m - own.length_m)
        clear_s = self.clear_s(own, met.to_m)
        return there_s < gone_s + AFTER_S and arrives_s < clear_s + BEFORE_S

    def _comes(self, other: Car, to_line_m: float) -> bool:
        """Whether a car is in the junction or will not stop before it, whoever has priority: it is
        too fast, or rolls over its line and its brake lamps are dark.
        """
        if to_line_m < 0.0 or other.speed_mps**2 / (2 * FIRM_MPS2) > to_line_m:
            return True
        dark = other.accel_mps2 > BRAKE_LAMPS_MPS2
        return dark and to_line_m < AT_LINE_M and other.speed_mps > ROLLS_MPS

    def _starts(
        self, own: Own, connector: int, to_line_m: float, green_s: Mapping[int, float]
    ) -> bool:
        """Whether a car that stands at its line is about to start: its light has just become
        green.
        """
        light_id = self._arriving(connector).light_id
        return (
            own.front_m < 0.0
            and light_id is not None
            and to_line_m < 2 * AT_LINE_M
            and 0.0 < green_s.get(light_id, 0.0) < STARTING_S
        )

    def _has_priority(self, other: int, own: int) -> bool:
        """Whether who comes by another connector goes before who comes by this one."""
        if not self._turns_with(other, own):
            return False
        if self._rank[other] != self._rank[own]:
            return self._rank[other] < self._rank[own]
        theirs, ours = self._arriving(other), self._arriving(own)
        signed = any(
            lane.light_id is not None or lane.stop_sign_id is not None for lane in (theirs, ours)
        )
        from_right = math.sin(wrap(float(theirs.yaw_rad[-1] - ours.yaw_rad[-1]))) > 0.5
        return from_right and not signed

    def _turns_with(self, other: int, own: int) -> bool:
        """Whether who comes by another connector may go when who comes by this one may: if this
        one's light is green, others' are red but those of its group.
        """
        lights = self._town.lights
        theirs, ours = self._arriving(other).light_id, self._arriving(own).light_id
        if theirs is None or ours is None:
            return True
        return lights[theirs].group == lights[ours].group

    def _arriving(self, connector: int) -> Lane:
        return self._town.lanes[self._town.lanes[connector].predecessors[0]]

    def _ways(self, car: Car) -> Iterable[tuple[int, float]]:
        """The connectors that a car may be on or take next, and where along each its middle is."""
        lanes = self._town.lanes
        lane = lanes[car.lane]
        if lane.junction_id is None:
            if car.behind is not None and car.along_m < car.length_m / 2:
                yield car.behind, lanes[car.behind].length_m + car.along_m
            for after in lane.successors:
                yield after, car.along_m - lane.length_m
            return
        here = _at(lane, car.along_m)
        for each in lanes[lane.predecessors[0]].successors:
            there = _at(lanes[each], car.along_m)
            if each == car.lane or math.dist(here, there) < SAME_WAY_M:
                yield each, car.along_m

    def _approach(self, connector: int, met: Meeting) -> Approach:
        away_m = np.arange(HIDDEN_STEP_M, HIDDEN_REACH_M + 0.1, HIDDEN_STEP_M)
        at_m, places = met.other_from_m - away_m, []
        arriving, crossing = self._arriving(connector), self._town.lanes[connector]
        for each in at_m.tolist():
            lane, along_m = (
                (crossing, each) if each >= 0.0 else (arriving, max(arriving.length_m + each, 0.0))
            )
            places.append((*_at(lane, along_m), EYE_M))
        return Approach(np.array(places), away_m, met.from_m, met.to_m)


def _at(lane: Lane, along_m: float) -> tuple[float, float]:
    line = lane.centreline
    x, y = (float(np.interp(along_m, lane.arclength, line[:, axis])) for axis in (0, 1))
    return x, y


def _meeting(lane: Lane, other: Lane) -> Meeting | None:
    apart = np.hypot(*(lane.centreline[:, None] - other.centreline[None]).transpose(2, 0, 1))
    near = apart < CLEARANCE_M
    if not near.any():
        return None
    here, there = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    along, other_along = lane.arclength, other.arclength
    return Meeting(
        float(along[here[0]]),
        float(along[here[-1]]),
        float(other_along[there[0]]),
        float(other_along[there[-1]]),
    )


def _time_s(way_m: float, speed_mps: float, accel_mps2: float, top_mps: float) -> float:
    """How long somebody takes for a way, accelerating to a top speed; whoever is faster stays as
    fast.
    """
    if way_m <= 0.0:
        return 0.0
    top_mps = max(top_mps, speed_mps)
    gaining_s = (top_mps - speed_mps) / accel_mps2
    gaining_m = (top_mps + speed_mps) / 2 * gaining_s
    if way_m <= gaining_m:
        return (math.sqrt(speed_mps**2 + 2 * accel_mps2 * way_m) - speed_mps) / accel_mps2
    return gaining_s + (way_m - gaining_m) / top_mps
