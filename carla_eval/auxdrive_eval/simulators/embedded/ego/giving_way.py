"""Who goes first in a junction, by what a driver sees: where others are and how fast, which lanes
they are on, and the rules of the town. What others intend is not seen: who comes to a junction may
take any way through it.

Legend: distances along a connector count from its beginning, and are negative before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.simulators.embedded.ego.meetings import Meeting, Meetings, place_at
from auxdrive_eval.simulators.embedded.ego.sight import EYE_M
from auxdrive_eval.simulators.embedded.town.model import Lane, Town
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.conflicts import priorities
from auxdrive_eval.simulators.right_of_way import (
    STANDS_MPS,
    Care,
    Comer,
    Stay,
    are_there_together,
    has_priority,
    is_past_stopping,
    travel_s,
)

WATCHED_M = 40.0
"""Others count no farther before their lines."""
OTHERS_ACCEL_MPS2, OTHERS_MPS = 1.5, 8.0
OWN_ACCEL_MPS2, OWN_STRAIGHT_MPS, OWN_TURN_MPS = 1.5, 7.0, 5.0
START_S = 0.5
CARE = Care(before_s=1.0, after_s=0.4, firm_mps2=3.5)
STARTING_S = 2.0
"""A car that stands before a green light is given this long to start."""
AT_LINE_M, ROLLS_MPS, BRAKE_LAMPS_MPS2 = 2.0, 0.5, -0.5
HIDDEN_STEP_M, HIDDEN_REACH_M = 3.0, 24.0


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


class GivingWay:
    """The rules of a town's junctions (`right_of_way`), for a driver who sees others but not their
    intentions.

    Args:
        town: whose junctions they are.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self._rank = priorities(town)
        self._meetings = Meetings(town)
        self._approaches: dict[int, tuple[Approach, ...]] = {}
        self._priority: dict[tuple[int, int], bool] = {}

    def rivals(
        self, own: Own, seen: Iterable[Car], green_s: Mapping[int, float]
    ) -> tuple[Rival, ...]:
        """Who goes first of those that are seen.

        Args:
            own: the driver.
            seen: the cars in his view.
            green_s: for how long each light has been green, by its id.
        """
        meetings, found = self._meetings.of(own.connector), []
        for other in seen:
            for connector, at_m in self._meetings.ways(other):
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
            for other, met in self._meetings.of(connector).items():
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
        return start_s + travel_s(way_m, own.speed_mps, OWN_ACCEL_MPS2, top_mps)

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
        stay = Stay(travel_s(enters_m, speed, OTHERS_ACCEL_MPS2, OTHERS_MPS), leaves_m / speed)
        there_s = self.clear_s(own, met.from_m - own.length_m)
        clear_s = self.clear_s(own, met.to_m)
        return are_there_together(Stay(there_s, clear_s), stay, CARE)

    def _comes(self, other: Car, to_line_m: float) -> bool:
        """Whether a car is in the junction or will not stop before it, whoever has priority: it is
        too fast, or rolls over its line and its brake lamps are dark.
        """
        if is_past_stopping(other.speed_mps, to_line_m, CARE):
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
        if (other, own) not in self._priority:
            self._priority[other, own] = has_priority(self._comer(other), self._comer(own))
        return self._priority[other, own]

    def _comer(self, connector: int) -> Comer:
        lane = self._arriving(connector)
        return Comer(
            float(lane.yaw_rad[-1]),
            None if lane.light_id is None else self._town.lights[lane.light_id].group,
            lane.light_id is not None or lane.stop_sign_id is not None,
            self._rank[connector],
        )

    def _arriving(self, connector: int) -> Lane:
        return self._town.lanes[self._town.lanes[connector].predecessors[0]]

    def _approach(self, connector: int, met: Meeting) -> Approach:
        away_m = np.arange(HIDDEN_STEP_M, HIDDEN_REACH_M + 0.1, HIDDEN_STEP_M)
        at_m, places = met.other_from_m - away_m, []
        arriving, crossing = self._arriving(connector), self._town.lanes[connector]
        for each in at_m.tolist():
            lane, along_m = (
                (crossing, each) if each >= 0.0 else (arriving, max(arriving.length_m + each, 0.0))
            )
            places.append((*place_at(lane, along_m), EYE_M))
        return Approach(np.array(places), away_m, met.from_m, met.to_m)
