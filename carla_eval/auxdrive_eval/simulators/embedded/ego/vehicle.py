"""The ego's motion: a kinematic single-track model with the rear axle as its reference, and delays
in steering and pedals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from auxdrive.types import Control, Pose2

GRAVITY_MPS2 = 9.81


@dataclass(frozen=True, slots=True)
class VehicleParameters:
    """Size, actuators and limits. Lags are time constants of first-order low-pass filters; `grip`
    limits the lateral acceleration, in g.
    """

    wheelbase_m: float = 2.8
    length_m: float = 4.5
    width_m: float = 1.9
    rear_overhang_m: float = 0.9
    max_steer_rad: float = math.radians(45.0)
    steer_lag_s: float = 0.1
    max_steer_rate_radps: float = 1.2
    drive_lag_s: float = 0.15
    max_drive_mps2: float = 3.5
    max_power_wpkg: float = 28.0
    max_brake_mps2: float = 8.0
    rolling_mps2: float = 0.15
    drag_per_m: float = 0.0003
    grip: float = 0.85

    @property
    def centre_ahead_m(self) -> float:
        """Distance from the rear axle forward to the centre of the box."""
        return self.length_m / 2 - self.rear_overhang_m


class Vehicle:
    """State and motion of one vehicle. It never moves backwards."""

    SUBSTEP_S = 0.01

    def __init__(self, parameters: VehicleParameters | None = None) -> None:
        self.parameters = parameters or VehicleParameters()
        self.place(Pose2(0.0, 0.0, 0.0))

    def place(self, pose: Pose2, speed_mps: float = 0.0) -> None:
        """Put the rear axle at `pose`, with straight wheels and released pedals.

        Args:
            pose: in the world frame.
            speed_mps: with which it starts, forwards.
        """
        self.x_m, self.y_m, self.yaw_rad = pose.x_m, pose.y_m, pose.yaw_rad
        self.speed_mps = speed_mps
        self.steer_rad = 0.0
        self.drive_mps2 = 0.0

    @property
    def pose(self) -> Pose2:
        """Pose of the rear axle."""
        return Pose2(self.x_m, self.y_m, self.yaw_rad)

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of the box in the world frame."""
        ahead = self.parameters.centre_ahead_m
        return self.x_m + ahead * math.cos(self.yaw_rad), self.y_m + ahead * math.sin(self.yaw_rad)

    def demanded_mps2(self, throttle: float, brake: float) -> float:
        """The acceleration that the pedals demand at the present speed. The engine's is limited by
        its power.

        Args:
            throttle: 0..1.
            brake: 0..1.

        Returns:
            Negative if the brake outweighs. Rolling resistance and air drag are not in it.
        """
        p = self.parameters
        return (
            throttle * min(p.max_drive_mps2, p.max_power_wpkg / max(self.speed_mps, 0.1))
            - brake * p.max_brake_mps2
        )

    def resistance_mps2(self) -> float:
        """Deceleration by rolling resistance and air drag at the present speed."""
        return self.parameters.rolling_mps2 + self.parameters.drag_per_m * self.speed_mps**2

    def step(self, control: Control, duration_s: float) -> None:
        """Move with a constant control, in equal steps of about `SUBSTEP_S`.

        Args:
            control: its pedals are clipped to 0..1, its steering to the maximum steering angle.
            duration_s: for how long.
        """
        p = self.parameters
        throttle, brake = min(max(control.throttle, 0.0), 1.0), min(max(control.brake, 0.0), 1.0)
        wanted_steer = min(max(control.steer_rad, -p.max_steer_rad), p.max_steer_rad)
        steps = max(1, round(duration_s / self.SUBSTEP_S))
        dt = duration_s / steps
        steer_share, drive_share = (
            1 - math.exp(-dt / p.steer_lag_s),
            1 - math.exp(-dt / p.drive_lag_s),
        )
        for _ in range(steps):
            turn = (wanted_steer - self.steer_rad) * steer_share
            self.steer_rad += min(
                max(turn, -p.max_steer_rate_radps * dt), p.max_steer_rate_radps * dt
            )
            self.drive_mps2 += (self.demanded_mps2(throttle, brake) - self.drive_mps2) * drive_share
            before = self.speed_mps
            self.speed_mps = max(0.0, before + (self.drive_mps2 - self.resistance_mps2()) * dt)
            self._move((before + self.speed_mps) / 2 * dt, dt)

    def _move(self, distance_m: float, dt: float) -> None:
        """Move along a circular arc of curvature tan(steer) / wheelbase, or a flatter one if the
        tyres cannot hold it (understeer).
        """
        curvature = math.tan(self.steer_rad) / self.parameters.wheelbase_m
        most = self.parameters.grip * GRAVITY_MPS2 / max((distance_m / dt) ** 2, 1e-6)
        turned = min(max(curvature, -most), most) * distance_m
        # The chord of the arc has the length distance * sin(turned / 2) / (turned / 2) and the
        # direction of the mean heading.
        half = turned / 2
        chord = distance_m * (math.sin(half) / half if abs(half) > 1e-9 else 1.0)
        self.x_m += chord * math.cos(self.yaw_rad + half)
        self.y_m += chord * math.sin(self.yaw_rad + half)
        self.yaw_rad = math.remainder(self.yaw_rad + turned, math.tau)
