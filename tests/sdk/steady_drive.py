"""A controller called at a steady rate with fresh predictions, for the tests of controllers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from auxdrive.cards import VehicleSpec
from auxdrive.controllers.base import Controller
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Prediction

STEERING = SteeringSpec(max_road_wheel_deg=60.0)
VEHICLE = VehicleSpec(name="test car", wheelbase_m=2.8)
TIMES = (0.5, 1.0, 1.5, 2.0)


class SteadyDrive:
    """Calls `step` every `period_s`, each time with a prediction of that instant."""

    def __init__(self, controller: Controller, period_s: float = 0.1, start_s: float = 0.0) -> None:
        self.controller = controller
        self.period_s = period_s
        self.start_s = start_s
        self.calls = 0

    @property
    def now_s(self) -> float:
        """The time of the next call."""
        return self.start_s + self.calls * self.period_s

    def step(self, prediction: Prediction, speed_mps: float) -> Control:
        """The command at the next instant."""
        now_s = self.now_s
        self.calls += 1
        return self.controller.step(replace(prediction, time_s=now_s), speed_mps, now_s)


def waypoints(points: object, times: tuple[float, ...] = TIMES) -> Prediction:
    """A prediction of waypoints, at the time 0."""
    return Prediction(
        0.0, 1.0, waypoints_ego_m=np.asarray(points, np.float32), waypoint_times_s=times
    )


def straight(speed_mps: float) -> Prediction:
    """Waypoints straight ahead at that speed."""
    return waypoints([(speed_mps * time, 0.0) for time in TIMES])


def steers(steer_rad: float | None) -> Prediction:
    """A prediction of steering, at the time 0."""
    return Prediction(0.0, 1.0, steer_rad=steer_rad)


LEFT = waypoints([(2, 1), (4, 2), (6, 3), (8, 4)])
"""Waypoints to the left, at about 4 m/s."""
