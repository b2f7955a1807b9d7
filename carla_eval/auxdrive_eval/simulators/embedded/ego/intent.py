"""What the expert's speed goes by, and the plan that follows from it: where it means to drive, and
how fast. The expert accelerates by this, recordings hold the plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from auxdrive.data.plan import PATH_POINTS, PATH_STEP_M, PLAN_TIMES_S, ExpertPlan
from auxdrive.frames import world_to_ego
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.traffic.idm import IdmParameters, idm_accel

STANDS_MPS = 0.1
"""Who wants to drive no faster than this stands: the last centimetres before a line."""
_HALVINGS = 12
_STEP_S = 0.1


class Lead(NamedTuple):
    """What the expert keeps behind: a car, or a line at which it must stop.

    Attributes:
        gap_m: to it, bumper to bumper; infinite where there is none.
        speed_mps: how fast it drives.
    """

    gap_m: float
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Intent:
    """What the speed goes by: the highest speeds along the route, and what is ahead.

    Attributes:
        along: (N,), metres along the route.
        profile: (N,), the highest speed at each of them.
        tracker: where the ego is on its route.
        driving: how it drives.
        leads: what it keeps behind.
        most_mps: it drives no faster than this anywhere.
    """

    along: Float64
    profile: Float64
    tracker: RouteTracker
    driving: IdmParameters
    leads: tuple[Lead, ...] = ()
    most_mps: float = math.inf

    def accel_mps2(self, speed_mps: float, on_m: float = 0.0, after_s: float = 0.0) -> float:
        """The acceleration at some speed, now or later.

        Args:
            speed_mps: the ego's.
            on_m: how far it has driven on by then.
            after_s: how long that took. Meanwhile those ahead drive on at their speeds.
        """
        return self._accel_mps2(speed_mps, self.wish_mps(on_m), on_m, after_s)

    def _accel_mps2(
        self, speed_mps: float, wish_mps: float, on_m: float = 0.0, after_s: float = 0.0
    ) -> float:
        accel = idm_accel(speed_mps, wish_mps, parameters=self.driving)
        for gap_m, lead_mps in self.leads:
            then_m = max(gap_m + lead_mps * after_s - on_m, 0.1)
            accel = min(accel, idm_accel(speed_mps, wish_mps, then_m, lead_mps, self.driving))
        return accel

    def wish_mps(self, on_m: float = 0.0) -> float:
        """The highest speed that the route allows.

        Args:
            on_m: how far on from here.
        """
        allowed_mps = float(np.interp(self.tracker.progress_m + on_m, self.along, self.profile))
        return min(allowed_mps, self.most_mps)

    def target_mps(self) -> float:
        """The speed at which it would neither accelerate nor brake, where it is now: the
        acceleration falls with the speed, so there is one. 0 where that is next to standing.
        """
        wish_mps = self.wish_mps()
        low, high = STANDS_MPS, wish_mps
        if self._accel_mps2(low, wish_mps) <= 0.0:
            return 0.0
        if self._accel_mps2(high, wish_mps) >= 0.0:
            return high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            faster = self._accel_mps2(middle, wish_mps) > 0
            low, high = (middle, high) if faster else (low, middle)
        return (low + high) / 2

    def speeds_mps(self, speed_mps: float) -> Float64:
        """How fast it will be at `PLAN_TIMES_S`, (T,): its law of acceleration, rolled forward from
        the present speed. Those ahead keep their speeds, and junctions stay as they are.

        Args:
            speed_mps: the present one.
        """
        found, on_m = [], 0.0
        steps = round(PLAN_TIMES_S[-1] / _STEP_S)
        for step in range(steps):
            accel = self.accel_mps2(speed_mps, on_m, step * _STEP_S)
            after = max(speed_mps + accel * _STEP_S, 0.0)
            on_m += (speed_mps + after) / 2 * _STEP_S
            speed_mps = after
            found.append(speed_mps)
        return np.array([found[round(time_s / _STEP_S) - 1] for time_s in PLAN_TIMES_S])


def planned(tracker: RouteTracker, vehicle: Vehicle, intent: Intent) -> ExpertPlan:
    """The plan: along the driven line of the route, lane changes included, by the expert's law.

    Args:
        tracker: where the ego is on its route.
        vehicle: the ego.
        intent: what its speed goes by.
    """
    on_m = (PATH_STEP_M * np.arange(1, PATH_POINTS + 1)).astype(np.float64)
    path = tracker.points_at(tracker.progress_m + on_m)
    return ExpertPlan(
        world_to_ego(path, vehicle.pose), intent.speeds_mps(vehicle.speed_mps), intent.target_mps()
    )
