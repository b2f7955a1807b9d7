"""A safety envelope driven at a steady rate, and frames for it, for the tests of the envelope."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.envelope.envelope import SafetyEnvelope
from auxdrive.envelope.guarded import Guarded
from auxdrive.envelope.options import EnvelopeLimits
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Observation, Prediction, UInt8

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz"))
from within_limits import broken_limits

STEERING = SteeringSpec(max_road_wheel_deg=45.0)
VEHICLE = VehicleSpec(name="test car", wheelbase_m=2.8, max_steer_rate_radps=1.2)
CAMERA = CameraSpec(width=64, height=32)
TIMES_S = (0.5, 1.0, 1.5, 2.0)


def frame(seed: int = 0) -> UInt8:
    """An image of noise, uint8 (32, 64, 3); every seed gives another one."""
    return np.random.default_rng(seed).integers(0, 256, (32, 64, 3), dtype=np.uint8)


def ahead(time_s: float, speed_mps: float = 4.0) -> Prediction:
    """Waypoints straight ahead at that speed."""
    points = [(speed_mps * time, 0.0) for time in TIMES_S]
    return Prediction(time_s, 1.0, None, np.array(points, np.float32), TIMES_S)


def steers(time_s: float, steer_rad: float) -> Prediction:
    """A steering angle."""
    return Prediction(time_s, 1.0, steer_rad=steer_rad)


class Drive:
    """Calls an envelope every `period_s`, each time with a new frame and a prediction of it. Every
    command is checked against the limits.

    Args:
        controller: its name.
        vehicle: the vehicle.
        period_s: between two calls.
        speed_mps: of the car, which may be changed.
        record_to: see `SafetyEnvelope`.
        options: of the envelope.
    """

    def __init__(
        self,
        controller: str = "steering",
        vehicle: VehicleSpec = VEHICLE,
        period_s: float = 0.05,
        speed_mps: float = 4.0,
        record_to: Any = None,
        **options: Any,
    ) -> None:
        self.envelope = SafetyEnvelope(
            make_controller(controller, STEERING, vehicle),
            STEERING,
            vehicle,
            CAMERA,
            options,
            record_to,
        )
        self.limits = EnvelopeLimits.model_validate(dict(options.get("limits", {})))
        self.vehicle = vehicle
        self.period_s, self.speed_mps, self.now_s = period_s, speed_mps, 100.0
        self.frames = 0
        self.last: Control | None = None

    def tick(self, steer_rad: float = 0.0, **changes: Any) -> Guarded:
        """One call.

        Args:
            steer_rad: what is predicted.
            changes: replace arguments, or the `image` alone; `dark` makes that one dark.
        """
        self.now_s += self.period_s
        self.frames += 1
        image = changes.pop("image", None)
        image = frame(self.frames) if image is None else image
        if changes.pop("dark", False):
            image = (image % 20).astype(np.uint8)
        arguments: dict[str, Any] = {
            "observation": Observation(image, self.now_s, self.speed_mps),
            "prediction": steers(self.now_s, steer_rad),
            "speed_mps": self.speed_mps,
            "now_s": self.now_s,
            **changes,
        }
        guarded = self.envelope.step(**arguments)
        if arguments.get("override") is None:
            assert self.broken(guarded.control) == []
        self.last = guarded.control
        return guarded

    def broken(self, control: Control) -> list[str]:
        """The limits that a command breaks at this tick."""
        elapsed_s = 0.0 if self.last is None else self.period_s
        return broken_limits(
            self.last, control, self.speed_mps, elapsed_s, STEERING, self.vehicle, self.limits
        )

    def ticks(self, count: int, steer_rad: float = 0.0, **changes: Any) -> Guarded:
        """So many calls; what the last one gave."""
        for _ in range(count):
            guarded = self.tick(steer_rad, **changes)
        return guarded
