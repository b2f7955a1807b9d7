"""What the ROS 2 node does, without rclpy: it takes messages and gives commands."""

from __future__ import annotations

import math
from typing import Any

from auxdrive import (
    TASKS,
    InputError,
    Observation,
    Prediction,
    Predictor,
    RouteFollower,
    UsageError,
    make_controller,
)
from ros_messages import Command, command_of, image_of, pose_of, time_of


class BundleDriver:
    """Drives by a bundle. Messages are kept as they come, the newest of each kind; an image is
    looked at when a command is asked for, so that one that came late is never waited for.

    Where there is no image or odometry, where one is older than `max_age_s`, or where the
    prediction must not be driven by, the command is a safe stop. All times are of one clock, that
    of the messages' stamps.

    Args:
        predictor: that predicts; it stays open.
        max_age_s: of images and odometry.
        resize: whether images of another size are scaled to the model's camera.
        throttle_mps2: what full throttle accelerates by.
        brake_mps2: what the full brake slows by.
    """

    def __init__(
        self,
        predictor: Predictor,
        max_age_s: float = 0.3,
        resize: bool = False,
        throttle_mps2: float = 2.0,
        brake_mps2: float = 6.0,
    ) -> None:
        controller = TASKS[predictor.task].controller
        if controller is None:
            raise UsageError(f"no controller drives by what '{predictor.task}' predicts")
        self.prediction: Prediction | None = None
        self._predictor, self._max_age_s = predictor, max_age_s
        self._controller = make_controller(
            controller, predictor.steering, predictor.vehicle, {"max_age_s": max_age_s}
        )
        camera = predictor.camera
        self._size = (camera.width, camera.height) if resize else None
        self._accelerations = (throttle_mps2, brake_mps2)
        self._image: Any = None
        self._odometry: Any = None
        self._predicted: Any = None  # the image of `prediction`
        self._route: RouteFollower | None = None
        self._route_frame = ""

    @property
    def needs_route(self) -> bool:
        """Whether the model is told a target point."""
        return any(spec.name == "target_ego_m" for spec in self._predictor.card.inputs)

    def see(self, message: Any) -> None:
        """Take a sensor_msgs/Image or CompressedImage."""
        self._image = message

    def move(self, message: Any) -> None:
        """Take a nav_msgs/Odometry of the rear axle."""
        self._odometry = message

    def follow(self, message: Any) -> None:
        """Take a nav_msgs/Path, in the frame of the odometry, that begins where the vehicle is.

        Raises:
            InputError: it is no route.
        """
        self._route = None  # a bad route ends the one before it
        places = [pose.pose.position for pose in message.poses]
        self._route = RouteFollower([(float(place.x), float(place.y)) for place in places])
        self._route_frame = message.header.frame_id

    def command(self, now_s: float) -> Command:
        """The command for this moment.

        Args:
            now_s: the time, on the clock of the stamps.
        """
        speed, missing = self._speed(now_s)
        try:
            self.prediction = self._withheld(now_s, missing) if missing else self._newest(speed)
        except InputError as error:  # no image for this model, or no route
            self.prediction = self._withheld(now_s, str(error))
        control = self._controller.step(self.prediction, speed, now_s)
        return command_of(control, speed, self._controller.stop_reason, *self._accelerations)

    def _speed(self, now_s: float) -> tuple[float, str]:
        """The speed, and what is missing to drive."""
        if self._odometry is None:
            return 0.0, "no odometry has come"
        speed, age_s = float(self._odometry.twist.twist.linear.x), now_s - time_of(self._odometry)
        if not math.isfinite(speed):
            return 0.0, f"the odometry's speed is {speed}"
        if abs(age_s) > self._max_age_s:
            return speed, f"the odometry is {age_s:.3f} s old; the limit is {self._max_age_s:g} s"
        return speed, "no image has come" if self._image is None else ""

    def _newest(self, speed_mps: float) -> Prediction:
        """The prediction from the newest image; each is predicted from once."""
        if self._image is not self._predicted or self.prediction is None:
            image, self._predicted = self._image, self._image
            return self._predictor.predict(
                Observation(
                    image_of(image, self._size), time_of(image), speed_mps, self._target()
                )
            )
        return self.prediction

    def _target(self) -> tuple[float, float] | None:
        if not self.needs_route:
            return None
        frame = self._odometry.header.frame_id
        if self._route is None:
            raise InputError("no route has come")
        if self._route_frame != frame:
            raise InputError(
                f"the route is in the frame {self._route_frame!r}, the odometry in {frame!r}"
            )
        return self._route.update(pose_of(self._odometry))[0]

    def _withheld(self, now_s: float, reason: str) -> Prediction:
        """A prediction that controllers stop at."""
        self._predicted = None
        return Prediction(now_s, 0.0, reason=reason)
