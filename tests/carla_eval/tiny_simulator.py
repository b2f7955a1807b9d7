"""A second simulator, as another package would bring one: a point on an endless plane, with a
camera that shows a flat grey image with a mark towards the target point.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Control, Pose2, RoadOption
from auxdrive_eval.road_maps.town_map import LaneLine, TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import SimulatorOptions, SimulatorSpec
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point, WorldState
from pydantic import Field

TOWN = "Plane"
WHEELBASE_M, MAX_STEER_RAD, CRUISE_MPS, AHEAD_M = 2.0, 0.6, 6.0, 4.0
_log = logging.getLogger("auxdrive_eval.tiny")


class TinyOptions(SimulatorOptions):
    """The options, with the brightness of the plane."""

    camera: CameraSpec = CameraSpec(width=24, height=16, fov_deg=90.0)
    grey: int = Field(default=100, ge=0, le=200)


class TinySimulator:
    """See `auxdrive_eval.simulators.base.Simulator`."""

    version = "tiny-1"
    vehicle = VehicleSpec(name="point", wheelbase_m=WHEELBASE_M)
    steering = SteeringSpec(max_road_wheel_deg=math.degrees(MAX_STEER_RAD))

    def __init__(self, options: TinyOptions, sensors: bool) -> None:
        self.camera, self.tick_s = options.camera, options.tick_s
        self._grey, self._sensors = options.grey, sensors
        self._route: Route | None = None
        self.closed = False

    def plan(
        self,
        town: str,
        keypoints: Sequence[Point],
        route_id: str = "0",
        weather: Weather | None = None,
        yaws_rad: Sequence[float | None] = (),
    ) -> Route:
        del yaws_rad  # a plane has no lanes whose headings could differ
        _refuse_another_town(town)
        at_m = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(np.array(keypoints), axis=0).T))))
        steps = np.linspace(0.0, at_m[-1], max(2, round(at_m[-1]) + 1))
        points = np.stack([np.interp(steps, at_m, axis) for axis in np.array(keypoints).T], axis=1)
        along = np.gradient(points, axis=0)
        yaw_rad = np.unwrap(np.arctan2(along[:, 1], along[:, 0]))
        options = (RoadOption.LANE_FOLLOW,) * len(points)
        return Route(
            route_id, town, tuple(keypoints), points, yaw_rad, options, weather or Weather()
        )

    def random_route(self, seed: int) -> Route:
        bend_m = 10.0 * math.sin(seed)
        return self.plan(TOWN, [(0.0, 0.0), (20.0, 0.0), (35.0, bend_m)], str(seed))

    def town_map(self, town: str) -> TownMap:
        _refuse_another_town(town)
        return TownMap((LaneLine(np.array([[-10.0, 0.0], [0.0, 0.0], [40.0, 0.0]]), 4.0),))

    def reset(self, route: Route, seed: int) -> WorldState:
        _refuse_another_town(route.town)
        _log.warning("the plane of seed %d is empty", seed)
        self._route, self._frame, self._speed_mps, self._steer_rad = route, 0, 0.0, 0.0
        x_m, y_m = route.points[0]
        self._pose = Pose2(float(x_m), float(y_m), float(route.yaw_rad[0]))
        return self._state()

    def step(self, control: Control) -> WorldState:
        if self._route is None or not math.isfinite(
            control.steer_rad + control.throttle + control.brake
        ):
            raise SimulatorError("no route was set, or the control is not finite")
        pose, step_m = self._pose, self._speed_mps * self.tick_s
        self._steer_rad = min(max(control.steer_rad, -MAX_STEER_RAD), MAX_STEER_RAD)
        yaw_rad = pose.yaw_rad + step_m * math.tan(self._steer_rad) / WHEELBASE_M
        self._pose = Pose2(
            pose.x_m + step_m * math.cos(yaw_rad), pose.y_m + step_m * math.sin(yaw_rad), yaw_rad
        )
        change_mps = (3.0 * control.throttle - 6.0 * control.brake) * self.tick_s
        self._speed_mps = max(0.0, self._speed_mps + change_mps)
        self._frame += 1
        return self._state()

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        if not self._sensors or set(modalities) - {Modality.RGB}:
            raise SimulatorError(f"nothing here senses {', '.join(sorted(modalities))}")
        image = np.full((self.camera.height, self.camera.width, 3), self._grey, np.uint8)
        column = round((0.5 - self._bearing_rad() / math.pi) * (self.camera.width - 1))
        image[:, min(max(column, 0), self.camera.width - 1)] = 255
        return {Modality.RGB: image}

    def expert(self) -> Control:
        steer_rad = math.atan2(2.0 * WHEELBASE_M * math.sin(self._bearing_rad()), AHEAD_M)
        return Control(steer_rad, 1.0 if self._speed_mps < CRUISE_MPS else 0.0, 0.0)

    def close(self) -> None:
        self.closed = True

    def _bearing_rad(self) -> float:
        """Direction of the point of the route `AHEAD_M` ahead, positive to the left."""
        if self._route is None:
            raise SimulatorError("no route is being driven: call reset(route, seed) first")
        away_m = self._route.points - (self._pose.x_m, self._pose.y_m)
        nearest = int(np.argmin(np.hypot(*away_m.T)))
        x_m, y_m = away_m[min(nearest + round(AHEAD_M), len(away_m) - 1)]
        return math.remainder(math.atan2(y_m, x_m) - self._pose.yaw_rad, math.tau)

    def _state(self) -> WorldState:
        place = (self._pose.x_m, self._pose.y_m)
        return WorldState(
            frame=self._frame,
            time_s=self._frame * self.tick_s,
            ego=self._pose,
            ego_centre=place,
            speed_mps=self._speed_mps,
            steer_rad=self._steer_rad,
            extent=(0.5, 0.5),
        )


def _refuse_another_town(town: str) -> None:
    if town != TOWN:
        raise SimulatorError(f"the tiny simulator has one town, {TOWN}, and no '{town}'")


TINY = SimulatorSpec("a point on a plane", TinyOptions, TinySimulator, (Modality.RGB,))
