"""The expert driver that knows all: the route, the map, and every car and light. It drives like a
careful person. `sighted` holds another one, which acts on what its camera sees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from auxdrive.data.plan import HELD_BY, ExpertPlan
from auxdrive.types import Control

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.ego.intent import Intent, Lead, planned
from auxdrive_eval.simulators.embedded.ego.merging import Merging
from auxdrive_eval.simulators.embedded.ego.reasons import HELD_BY_OF, Cause, Reason, Why
from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.geometry.curves import Curve
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.idm import IdmParameters, speed_profile

LATERAL_MPS2 = 2.0
PLAN_BRAKE_MPS2 = 1.5
CRUISE_SHARE = 0.95
LOOKAHEAD_M = (3.0, 7.0)
LOOKAHEAD_S = 0.45
LOOKAHEAD_AT_REST_M = 2.0
LINE_MARGIN_M = 1.0
OFF_ROUTE_MPS = 3.0
HOLD_BRAKE = 0.3
DRIVING = IdmParameters(accel_mps2=1.8, brake_mps2=2.2, headway_s=1.4, gap_m=3.5)


class Expert:
    """Steers by pure pursuit (Coulter 1992). Its speed is the lowest that bends, the car ahead, and
    the next stop line allow.

    Args:
        graph: the lanes of the town.
        tracker: where the ego is on its route, updated before `control` is called.
        vehicle: the ego, whose pose and speed are read.
        traffic: the other cars, and the junctions, which must admit the ego.
    """

    def __init__(
        self, graph: LaneGraph, tracker: RouteTracker, vehicle: Vehicle, traffic: Traffic
    ) -> None:
        self._graph = graph
        self._tracker = tracker
        self._vehicle = vehicle
        self._traffic = traffic
        route = tracker.route
        self._merging = Merging(graph, tracker, vehicle, traffic)
        curve = Curve(tracker.line.points, tracker.along, tracker.line.yaw_rad)
        self._profile = speed_profile(
            curve, CRUISE_SHARE * _limits(graph.town, route), LATERAL_MPS2, PLAN_BRAKE_MPS2
        )

    def control(self, intent: Intent) -> Control:
        """The control for this tick.

        Args:
            intent: of this tick.
        """
        accel = intent.accel_mps2(self._vehicle.speed_mps)
        throttle, brake = self._pedals(accel)
        return Control(self._steer(), throttle, brake)

    def plan(self, intent: Intent, ego: Car | None) -> ExpertPlan:
        """Where it means to drive from here, how fast, and what holds it.

        Args:
            intent: of this tick.
            ego: the ego as a road user; None if it has left its route, where nothing but that
                holds it.
        """
        plan = planned(self._tracker, self._vehicle, intent)
        if ego is None:
            return replace(plan, allowed_mps=np.full(len(HELD_BY), plan.target_speed_mps))
        causes = self._causes(ego)
        of_each = [[cause for cause in causes if HELD_BY_OF[cause.why] == name] for name in HELD_BY]
        road_mps = self._held_by([]).target_mps()
        allowed = [self._held_by(own).target_mps() if own else road_mps for own in of_each]
        return replace(plan, allowed_mps=np.array(allowed))

    def _held_by(self, causes: Sequence[Cause]) -> Intent:
        """What its speed would go by if there were nothing but the road and these."""
        leads = tuple(cause.lead for cause in causes if cause.lead is not None)
        most_mps = min((cause.limit_mps for cause in causes), default=math.inf)
        return Intent(self._tracker.along, self._profile, self._tracker, DRIVING, leads, most_mps)

    def _steer(self) -> float:
        """The road-wheel angle of the arc from the rear axle to a point of the route ahead: atan(2
        L sin(alpha) / distance).

        This is the circle of `auxdrive.geometry.pure_pursuit_tan` in another form, which rounds
        differently. Recorded data sets contain the angles of this form, so it stays.
        """
        vehicle, tracker = self._vehicle, self._tracker
        ahead = min(
            max(LOOKAHEAD_AT_REST_M + LOOKAHEAD_S * vehicle.speed_mps, LOOKAHEAD_M[0]),
            LOOKAHEAD_M[1],
        )
        x, y = tracker.point_at(tracker.progress_m + ahead)
        dx, dy = x - vehicle.x_m, y - vehicle.y_m
        alpha = math.remainder(math.atan2(dy, dx) - vehicle.yaw_rad, math.tau)
        limit = vehicle.parameters.max_steer_rad
        if abs(alpha) > math.pi / 2:  # the point lies behind: steer as far as possible
            return math.copysign(limit, alpha)
        steer = math.atan(
            2 * vehicle.parameters.wheelbase_m * math.sin(alpha) / max(math.hypot(dx, dy), 0.5)
        )
        return min(max(steer, -limit), limit)

    def intent(self, ego: Car | None) -> Intent:
        """What its speed goes by now.

        Args:
            ego: the ego as a road user; None if it has left its route.
        """
        along, profile = self._tracker.along, self._profile
        if ego is None:
            return Intent(along, profile, self._tracker, DRIVING, most_mps=OFF_ROUTE_MPS)
        leads = [Lead(*self._traffic.leader(ego)), *self._merging.leads(ego, DRIVING)]
        junctions = self._traffic.junctions
        if (
            self._graph.town.lanes[ego.lane].junction_id is None
            and junctions.granted(ego.car_id) is None
        ):
            leads.append(stop_within(junctions.to_line_m(ego) - LINE_MARGIN_M))
        return Intent(along, profile, self._tracker, DRIVING, tuple(leads))

    def reasons(self, ego: Car) -> list[Reason]:
        """Everything that keeps it from driving faster; the strictest decides.

        Args:
            ego: the ego as a road user.
        """
        return [self._weighed(cause) for cause in self._causes(ego)]

    def _causes(self, ego: Car) -> list[Cause]:
        found = [Cause(Why.ROAD)]
        for ahead in self._traffic.all_ahead(ego):
            lead = Lead(ahead.gap_m, ahead.speed_mps)
            found.append(Cause(Why.AHEAD, lead, who=ahead.car_id))
        found += self._mirrors(ego)
        junctions = self._traffic.junctions
        lane = self._graph.town.lanes[ego.lane]
        if lane.junction_id is not None or junctions.granted(ego.car_id) is not None:
            return found
        line = stop_within(junctions.to_line_m(ego) - LINE_MARGIN_M)
        held = tuple(self._traffic.held(ego))
        for hold, car_id in held:
            at = ego.lane if car_id is None else None
            found.append(Cause(Why[hold.name], line, who=car_id, lane=at))
        return found if held else [*found, Cause(Why.LINE, line)]

    def _mirrors(self, ego: Car) -> list[Cause]:
        """Those whom a change of lanes must keep clear of."""
        return [Cause(Why.LANE_CHANGE, lead) for lead in self._merging.leads(ego, DRIVING)]

    def _weighed(self, cause: Cause) -> Reason:
        """The reason, with the acceleration that it allows now."""
        accel = self._held_by([cause]).accel_mps2(self._vehicle.speed_mps)
        return Reason(cause.why, accel, cause.lead, cause.limit_mps, cause.who, cause.lane)

    def _pedals(self, accel_mps2: float) -> tuple[float, float]:
        """Throttle and brake for an acceleration, by the vehicle's own model."""
        vehicle = self._vehicle
        if vehicle.speed_mps < 0.1 and accel_mps2 <= 0.05:
            return 0.0, HOLD_BRAKE
        needed = accel_mps2 + vehicle.resistance_mps2()
        if needed >= 0:
            return min(1.0, needed / vehicle.demanded_mps2(1.0, 0.0)), 0.0
        return 0.0, min(1.0, -needed / vehicle.parameters.max_brake_mps2)


def stop_within(way_m: float) -> Lead:
    """A place at which the front bumper stops. It counts as the tail of a car at rest, as far
    beyond it as one keeps from a car.

    Args:
        way_m: from the front bumper to the place.
    """
    return Lead(max(way_m + DRIVING.gap_m, 0.1), 0.0)


def _limits(town: Town, route: Route) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([town.lanes[lane_id].speed_limit_mps for lane_id in route.lane_ids])
