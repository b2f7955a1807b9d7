"""A simple expert for CARLA: it follows its route, keeps its distance to what is ahead on it, stops
at red lights and stop signs, and gives way (`giving_way.py`). It does not overtake or swerve.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from auxdrive.data.plan import HELD_BY, PATH_POINTS, PATH_STEP_M, PLAN_TIMES_S, ExpertPlan
from auxdrive.frames import world_to_ego
from auxdrive.geometry import cumulative_length, pure_pursuit_tan
from auxdrive.types import Control

from auxdrive_eval.carla_axles import Axles
from auxdrive_eval.road_maps.base import RoadMap
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.carla.ego.giving_way import ASIDE_M, SEEN_M, GivingWay
from auxdrive_eval.simulators.carla.ego.surroundings import Other
from auxdrive_eval.world import LightColour, Point, StopSignView, WorldState

CRUISE_MPS = 8.0
LATERAL_MPS2 = 2.0
BRAKE_MPS2 = 2.0
GAP_M = 3.0
LINE_MARGIN_M = 1.0
NEAR_ROUTE_M = 2.5
LOOKAHEAD_M = (3.0, 7.0)
LOOKAHEAD_S = 0.5
STANDING_MPS = 0.1
PEDALS = (0.3, 0.15, 0.75)
"""Throttle for each m/s that is lacking, at the wanted speed, and at most."""
GAINS_MPS2 = (-4.0, 2.0)
"""How fast the speed falls and rises in its plan."""
BRAKE_FROM_MPS, BRAKE_PER_MPS = 0.3, 0.4


class Expert:
    """Steers by pure pursuit, and drives as fast as it could still brake from for whatever comes
    next: bends, what is ahead, lines.

    Args:
        route: that it follows.
        axles: of the ego.
        max_steer_rad: the maximum steering angle.
        roads: of the town.
    """

    def __init__(self, route: Route, axles: Axles, max_steer_rad: float, roads: RoadMap) -> None:
        self._route, self._axles, self._max_steer_rad = route, axles, max_steer_rad
        self._along = cumulative_length(route.points)
        turns = np.abs(np.diff(np.unwrap(route.yaw_rad), append=route.yaw_rad[-1]))
        turns[-1] = 0.0
        steps = np.diff(self._along, append=self._along[-1] + 1.0)
        bends = turns / np.maximum(steps, 0.1)
        self._bend_mps = np.minimum(CRUISE_MPS, np.sqrt(LATERAL_MPS2 / np.maximum(bends, 1e-3)))
        self._ways = GivingWay(route, self._along, roads)
        self._index = 0
        self._stopped_at: set[int] = set()

    def control(self, state: WorldState, seen: Sequence[Other]) -> Control:
        """The control for this tick.

        Args:
            state: the world now.
            seen: what else moves.
        """
        here_m = self._progress_m(state.ego_centre)
        wish_mps = min(self._allowed_mps(state, seen, here_m))
        throttle, brake = _pedals(state.speed_mps, wish_mps)
        return Control(self._steer_rad(state, here_m), throttle, brake)

    def plan(self, state: WorldState, seen: Sequence[Other]) -> ExpertPlan:
        """Where it means to drive, and how fast. The speeds of later are those that it could reach
        at `GAINS_MPS2`, within what limits it from there on; what moves is taken to stay where it
        is. So behind a car that drives they are too low.

        Args:
            state: see `control`.
            seen: see `control`.
        """
        here_m = self._progress_m(state.ego_centre)
        rear_m = here_m - self._axles.rear_m
        path = [self._point(rear_m + PATH_STEP_M * (k + 1)) for k in range(PATH_POINTS)]
        allowed_mps = self._allowed_mps(state, seen, here_m)
        speeds, speed_mps, at_m, before_s = [], state.speed_mps, here_m, 0.0
        for time_s in PLAN_TIMES_S:
            step_s, before_s = time_s - before_s, time_s
            least, most = (speed_mps + gain * step_s for gain in GAINS_MPS2)
            later_mps = min(self._allowed_mps(state, seen, at_m))
            speed_mps = max(min(max(later_mps, least), most), 0.0)
            at_m += speed_mps * step_s
            speeds.append(speed_mps)
        allowed = np.array([0.0 if each < STANDING_MPS else each for each in allowed_mps])
        target_mps = float(allowed.min())
        path_ego_m = world_to_ego(np.array(path), state.ego)
        return ExpertPlan(path_ego_m, np.array(speeds), target_mps, allowed)

    def _allowed_mps(
        self, state: WorldState, seen: Sequence[Other], here_m: float
    ) -> tuple[float, ...]:
        """The speed that the road and each of `HELD_BY` allow."""
        least = dict.fromkeys(HELD_BY, math.inf)
        for name, limit_mps in self._limits_mps(state, seen, here_m):
            least[name] = min(least[name], limit_mps)
        return tuple(min(limit_mps, least["road"]) for limit_mps in least.values())

    def _limits_mps(
        self, state: WorldState, seen: Sequence[Other], here_m: float
    ) -> Iterator[tuple[str, float]]:
        """The speeds from which the ego can still brake for each thing ahead, and which of
        `HELD_BY` it is.
        """
        last = self._last(here_m)
        to_bend = np.maximum(self._along[self._index : last] - here_m, 0.0)
        bends_mps = self._bend_mps[self._index : last]
        yield "road", float(np.sqrt(bends_mps**2 + 2 * BRAKE_MPS2 * to_bend).min())
        front_m = state.extent[0]
        for other in seen:
            beside_m = state.extent[1] + other.half_width_m + ASIDE_M
            at_m = self._ahead_m(other.place, beside_m, here_m)
            if at_m is not None:
                left_m = at_m - front_m - other.half_m - GAP_M
                yield "ahead", _brakeable(left_m, other.speed_mps)
        for light in state.lights:
            (ax, ay), (bx, by) = light.stop_line
            at_m = self._ahead_m(((ax + bx) / 2, (ay + by) / 2), NEAR_ROUTE_M, here_m)
            along = math.cos(light.lane_yaw_rad - state.ego.yaw_rad) > 0.5
            if along and at_m is not None:
                self._ways.note_light(here_m + at_m)
            if light.colour is not LightColour.GREEN and along and at_m is not None:
                left_m = at_m - front_m - LINE_MARGIN_M
                if left_m > -front_m:
                    yield "light", _brakeable(left_m)
        for sign in state.stop_signs:
            yield from self._stop(sign, state, here_m)
        for left_m in self._ways.stops_m(state, seen, here_m):
            yield "crossing", _brakeable(left_m)

    def _stop(
        self, sign: StopSignView, state: WorldState, here_m: float
    ) -> Iterator[tuple[str, float]]:
        """The limit for a stop sign at which the ego has not stood yet. It stands with its middle
        in the middle of the sign's box.
        """
        at_m = self._ahead_m(sign.trigger_centre, NEAR_ROUTE_M, here_m)
        along = math.cos(sign.lane_yaw_rad - state.ego.yaw_rad) > 0.5
        if at_m is None or not along or sign.sign_id in self._stopped_at:
            return
        if at_m < sign.trigger_half_size[0] and state.speed_mps < STANDING_MPS:
            self._stopped_at.add(sign.sign_id)
            return
        yield "stop_sign", _brakeable(at_m)

    def _progress_m(self, place: Point) -> float:
        """How far along the route the ego is. It looks ahead only, so that a route may cross
        itself.
        """
        window = self._route.points[self._index : self._last(float(self._along[self._index]))]
        self._index += int(np.argmin(np.hypot(*(window - place).T)))
        yaw = float(self._route.yaw_rad[self._index])
        dx, dy = np.asarray(place) - self._route.points[self._index]
        step = float(dx * math.cos(yaw) + dy * math.sin(yaw))
        return float(self._along[self._index]) + step

    def _ahead_m(self, place: Point, beside_m: float, here_m: float) -> float | None:
        """How far ahead on the route a place lies; None where it is not on what the ego sees of
        it.
        """
        window = self._route.points[self._index : self._last(here_m)]
        away = np.hypot(*(window - place).T)
        nearest = int(np.argmin(away))
        if float(away[nearest]) > beside_m:
            return None
        return float(self._along[self._index + nearest]) - here_m

    def _last(self, from_m: float) -> int:
        return int(np.searchsorted(self._along, from_m + SEEN_M)) + 1

    def _steer_rad(self, state: WorldState, here_m: float) -> float:
        low_m, high_m = LOOKAHEAD_M
        rear_m = here_m - self._axles.rear_m
        goal_m = rear_m + min(max(low_m, LOOKAHEAD_S * state.speed_mps + low_m), high_m)
        goal = world_to_ego(np.array(self._point(goal_m)), state.ego)
        tangent = pure_pursuit_tan(goal, self._axles.wheelbase_m, 1.0)
        return float(np.clip(np.arctan(tangent), -self._max_steer_rad, self._max_steer_rad))

    def _point(self, at_m: float) -> Point:
        """The point of the route at a distance; beyond its end it goes straight on."""
        points, along = self._route.points, self._along
        x_m, y_m = (float(np.interp(at_m, along, points[:, axis])) for axis in (0, 1))
        beyond_m, yaw = max(0.0, at_m - float(along[-1])), float(self._route.yaw_rad[-1])
        return x_m + beyond_m * math.cos(yaw), y_m + beyond_m * math.sin(yaw)


def _brakeable(distance_m: float, end_mps: float = 0.0) -> float:
    """The speed from which one brakes comfortably to another within a distance."""
    if distance_m <= 0.2:
        return min(end_mps, CRUISE_MPS) if distance_m > 0 else 0.0
    return math.sqrt(end_mps**2 + 2 * BRAKE_MPS2 * distance_m)


def _pedals(speed_mps: float, wish_mps: float) -> tuple[float, float]:
    """Throttle and brake."""
    lacking = wish_mps - speed_mps
    if wish_mps < STANDING_MPS:
        return 0.0, 1.0 if speed_mps < 2.0 else min(1.0, BRAKE_PER_MPS * speed_mps)
    if lacking < -BRAKE_FROM_MPS:
        return 0.0, min(1.0, -lacking * BRAKE_PER_MPS)
    per_mps, hold, most = PEDALS
    return min(max(per_mps * lacking + hold, 0.0), most), 0.0
