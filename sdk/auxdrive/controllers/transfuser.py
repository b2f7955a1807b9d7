"""The PID controller of TransFuser for waypoints, in its forms of 2021 and 2022.

Sources: Prakash et al., CVPR 2021, `transfuser/model.py` control_pid, and Chitta et al., PAMI 2022,
`team_code_transfuser/model.py` control_pid, with the constants of their config.py. Three things
differ on purpose:

- Waypoints have their own times, where the originals assume 0.5 s.
- The windows of the PIDs are 4 s (2021) and 2 s (2022) long, where the originals count 40 and 20
  calls at 10 Hz. So they are right at any rate.
- The creeping of TransFuser 2022 after 55 s of standing is left out: it looks into the LiDAR before
  it moves, and a camera-only car has none.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from auxdrive.cards import VehicleSpec
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions, Share
from auxdrive.controllers.pid import Pid, PidGains, SpeedLoop, SpeedOptions
from auxdrive.controllers.waypoints import usable_waypoints
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Prediction


class TransFuserOptions(ControllerOptions):
    """Options of the controller "pid". The defaults are the constants of TransFuser 2022.

    Attributes:
        turn: gains of the PID controller of the steering.
        speed: how throttle and brake follow the speed.
        angle_zero: when the error of the angle counts as 0, so that its integral does not grow
            while the car stands: below 0.01 m/s ("standing", 2021) or while it brakes ("braking",
            2022).
        brake_steer_factor: the steering is multiplied by this while the car brakes.
    """

    turn: PidGains = PidGains(p=1.25, i=0.75, d=0.3, window_s=2.0)
    speed: SpeedOptions = SpeedOptions()
    angle_zero: Literal["standing", "braking"] = "braking"
    brake_steer_factor: Share = Field(default=0.5)


TRANSFUSER_PRESETS: dict[str, TransFuserOptions] = {
    "tf21": TransFuserOptions(
        turn=PidGains(p=1.25, i=0.75, d=0.3, window_s=4.0),
        speed=SpeedOptions(gains=PidGains(p=5.0, i=0.5, d=1.0, window_s=4.0), brake_speed_mps=0.1),
        angle_zero="standing",
        brake_steer_factor=1.0,
    ),
    "tf22": TransFuserOptions(),
}


class TransFuserPID(GuardedController):
    """Steers towards the middle of the first two waypoints, at the speed that leads from the first
    to the second.

    The originals compute a share of the maximum steering angle, positive to the right. It is
    converted with `SteeringSpec.max_road_wheel_rad`.

    Args:
        steering: the vehicle's steering limits.
        vehicle: the vehicle.
        options: see `TransFuserOptions`.
    """

    options_type = TransFuserOptions
    presets = TRANSFUSER_PRESETS

    def __init__(
        self, steering: SteeringSpec, vehicle: VehicleSpec, options: TransFuserOptions
    ) -> None:
        super().__init__(steering, vehicle, options)
        self.options = options
        self._turn = Pid(options.turn, options.max_age_s)
        self._speed = SpeedLoop(options.speed, options.max_age_s)

    def _forget(self) -> None:
        self._turn.reset()
        self._speed.reset()

    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        waypoints, times = usable_waypoints(prediction)
        (x0, y0), (x1, y1) = waypoints[:2].tolist()
        desired_mps = math.hypot(x1 - x0, y1 - y0) / (times[1] - times[0])
        throttle, brake = self._speed.step(desired_mps, speed_mps, now_s)
        standing = speed_mps < 0.01 if self.options.angle_zero == "standing" else brake > 0
        angle = 0.0 if standing else _share_of_right_angle((x0 + x1) / 2, (y0 + y1) / 2)
        right = min(max(self._turn.step(angle, now_s), -1.0), 1.0) * (
            self.options.brake_steer_factor if brake > 0 else 1.0
        )
        return Control(-right * self._max_steer_rad, throttle, brake)


def _share_of_right_angle(x_m: float, y_m: float) -> float:
    """The direction of a point in the ego frame, positive to the right, 1 at 90 degrees.

    The formula of 2021, pi/2 - atan2(forward, right), gives the same number except for points
    behind on the left, where it wraps around and steers to the right. That mistake is not copied.
    """
    return math.degrees(math.atan2(-y_m, x_m)) / 90.0
