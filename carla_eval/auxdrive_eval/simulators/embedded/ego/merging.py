"""How the expert changes lanes: behind whom, and only where the other lane is free beside it."""

from __future__ import annotations

from collections.abc import Iterator

from auxdrive_eval.simulators.embedded.ego.intent import Lead
from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.idm import IdmParameters

LOOK_M, FOLLOW_M = 40.0, 10.0
"""Before a change begins, the ego looks at the other lane this early, and follows who drives there
this early.
"""
FREE_AHEAD_M, FREE_BEHIND_M, FREE_BEHIND_S = 2.0, 4.0, 2.5
"""What must be free ahead of the ego and behind it; behind, more for who is faster."""
STOPS_BEFORE_M = 1.0
"""It waits so far before a change begins: a car that rolls a little farther has not begun it."""


class Merging:
    """What changes of lanes ask of the ego's speed.

    Args:
        graph: the lanes of the town.
        tracker: where the ego is on its route.
        vehicle: the ego.
        traffic: the other cars.
    """

    def __init__(
        self, graph: LaneGraph, tracker: RouteTracker, vehicle: Vehicle, traffic: Traffic
    ) -> None:
        self._graph, self._tracker = graph, tracker
        self._vehicle, self._traffic = vehicle, traffic

    def leads(self, ego: Car, driving: IdmParameters) -> Iterator[Lead]:
        """What it must keep behind; nothing where no change is near.

        Args:
            ego: as a road user.
            driving: how it drives.
        """
        changes = self._tracker.line.changes
        at_m = self._tracker.progress_m + self._vehicle.parameters.centre_ahead_m
        change = next((change for change in changes if change.end_m > at_m), None)
        if change is None or ego.lane == change.into or at_m < change.begin_m - LOOK_M:
            return
        speed, half_m = self._vehicle.speed_mps, ego.length_m / 2
        here_m = self._graph.foot(change.into, *self._vehicle.centre)
        for other in self._traffic.occupancy.get(change.into, ()):
            if other.car_id == EGO_ID:
                continue
            behind_m = FREE_BEHIND_M + FREE_BEHIND_S * max(0.0, other.speed_mps - speed)
            beside = (
                other.front_m > here_m - half_m - behind_m
                and other.tail_m < here_m + half_m + FREE_AHEAD_M
            )
            if at_m < change.begin_m and beside:
                stop_m = change.begin_m - STOPS_BEFORE_M - at_m
                yield Lead(max(stop_m + driving.gap_m, 0.1), 0.0)
            elif at_m > change.begin_m - FOLLOW_M and other.tail_m > here_m:
                yield Lead(max(other.tail_m - here_m - half_m, 0.1), other.speed_mps)
