"""What the ROS 2 node does, without rclpy: it takes messages and gives commands."""

from __future__ import annotations

from typing import Any

from auxdrive import (
    TASKS,
    EnvelopeMode,
    InputError,
    Observation,
    Prediction,
    Predictor,
    RouteFollower,
    SafetyEnvelope,
    UsageError,
    make_controller,
)
from ros_messages import Command, acceleration_of, image_of, pose_of, time_of

AHEAD_S = 0.5
"""The commanded speed is the one that the commanded acceleration leads to after this time."""


class BundleDriver:
    """Drives by a bundle, through the safety envelope. Messages are kept as they come, the newest
    of each kind; an image is looked at when a command is asked for, so that one that came late is
    never waited for. All times are of one clock, that of the messages' stamps.

    Args:
        predictor: that predicts; it stays open.
        max_age_s: what is older is not driven by: an image, its prediction, odometry.
        resize: whether images of another size are scaled to the model's camera.
        wheelbase_m: of the vehicle; None takes the card's.
        throttle_mps2: what full throttle accelerates the vehicle by.
        brake_mps2: what the full brake slows it by.
        fallback: what the envelope does where the input stays bad: "stop" until it is released,
            "slow_straight" or "hold" (see docs/safety.md).

    Raises:
        UsageError: nothing drives by the model's task, or the wheelbase is not known.
        ConfigError: wrong options.
    """

    def __init__(
        self,
        predictor: Predictor,
        max_age_s: float = 0.3,
        resize: bool = False,
        wheelbase_m: float | None = None,
        throttle_mps2: float = 3.5,
        brake_mps2: float = 8.0,
        fallback: str = "stop",
    ) -> None:
        controller = TASKS[predictor.task].controller
        if controller is None:
            raise UsageError(f"no controller drives by what '{predictor.task}' predicts")
        vehicle, steering, camera = predictor.vehicle, predictor.steering, predictor.camera
        if wheelbase_m is not None:
            vehicle = vehicle.model_copy(update={"wheelbase_m": wheelbase_m})
        self.prediction: Prediction | None = None
        self._predictor, self._max_age_s = predictor, max_age_s
        self._envelope = SafetyEnvelope(
            make_controller(controller, steering, vehicle, {"max_age_s": max_age_s}),
            steering,
            vehicle,
            camera,
            {
                "max_frame_age_s": max_age_s,
                "limits": {"full_throttle_mps2": throttle_mps2, "full_brake_mps2": brake_mps2},
                "fallback": {"kind": fallback},
            },
        )
        self._pedals_mps2 = (throttle_mps2, brake_mps2)
        self._wanted_mps = 0.0
        self._size = (camera.width, camera.height) if resize else None
        self._image: Any = None
        self._odometry: Any = None
        self._observed: Any = None  # the message that `_observation` was made of
        self._observation: Observation | None = None
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

    def release(self) -> None:
        """End a stop of the safety envelope, as who has looked at the vehicle does."""
        self._envelope.release()
        self._wanted_mps = 0.0

    def command(self, now_s: float) -> Command:
        """The command for this moment.

        Args:
            now_s: the time, on the clock of the stamps.
        """
        missing = self._missing(now_s)
        if not missing:
            try:
                self._observe()
            except InputError as error:  # no image for this model, or no route
                missing = str(error)
        if missing:
            self.prediction = self._observation = self._observed = None
        twist = None if self._odometry is None else self._odometry.twist.twist
        speed = 0.0 if twist is None else float(twist.linear.x)
        guarded = self._envelope.step(
            self._observation,
            self.prediction,
            speed,
            now_s,
            yaw_rate_radps=None if twist is None else float(twist.angular.z),
        )
        acceleration = acceleration_of(guarded.control, *self._pedals_mps2)
        if guarded.mode is EnvelopeMode.DRIVING:
            self._wanted_mps = max(0.0, speed + acceleration * AHEAD_S)
        elif guarded.mode not in (EnvelopeMode.BRIDGING, EnvelopeMode.HOLD):
            self._wanted_mps = 0.0
        drives = guarded.mode is EnvelopeMode.DRIVING
        reason = "" if drives else "; ".join(filter(None, (missing, guarded.reason)))
        return Command(guarded.control.steer_rad, self._wanted_mps, acceleration, reason)

    def _missing(self, now_s: float) -> str:
        """What is missing to drive, as a sentence."""
        if self._odometry is None:
            return "no odometry has come"
        age_s = now_s - time_of(self._odometry)
        if not abs(age_s) <= self._max_age_s:
            return f"the odometry is {age_s:.3f} s old; the limit is {self._max_age_s:g} s"
        return "no image has come" if self._image is None else ""

    def _observe(self) -> None:
        """Predict from the newest image; each is predicted from once."""
        if self._image is self._observed:
            return
        message, self._observed = self._image, self._image
        self._observation = self.prediction = None
        speed = float(self._odometry.twist.twist.linear.x)
        image = image_of(message, self._size)
        self._observation = Observation(image, time_of(message), speed, self._target())
        self.prediction = self._predictor.predict(self._observation)

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
        return self._route.update(pose_of(self._odometry)).target_ego_m
