"""Takes in one call's arguments: checks their types, and looks at clock, frame and prediction."""

from __future__ import annotations

import math

from auxdrive.cards import CameraSpec
from auxdrive.checks.given_prediction import check_fields
from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.checks.numbers import number, reading, shown
from auxdrive.envelope.guarded import EnvelopeFlag, Findings
from auxdrive.envelope.options import EnvelopeOptions
from auxdrive.envelope.watch import Clock, FrameWatch
from auxdrive.errors import InputError
from auxdrive.types import WITHHOLDING, Control, Flag, Observation, Prediction

_TIME = "seconds on one clock for observations and envelope"


class Tick(Findings):
    """One call's arguments as plain floats, NaN where something is not given, and what was found.

    Attributes:
        now_s: the time of the call; it need not be finite.
        elapsed_s: since the call before; 0 where that is not known.
        speed_mps: the measured speed; it need not be finite.
        sure_mps: the last plausible speed, 0 or more; before there was one, the largest of a car,
            for which limits are the strictest.
        yaw_rate_radps: the measured yaw rate; it need not be finite.
        frame_s: the frame's time.
        prediction_s: the prediction's time.
        is_new: whether frame or prediction are other ones than in the call before.
    """

    frame_s = prediction_s = yaw_rate_radps = math.nan
    elapsed_s = 0.0
    sure_mps = MAX_SPEED_MPS
    is_new = False

    def __init__(self, now_s: float, speed_mps: float) -> None:
        super().__init__()
        self.now_s = now_s
        self.speed_mps = speed_mps


class Intake:
    """Takes in one call after the other.

    Args:
        camera: whose frames come in.
        options: of the envelope.
    """

    def __init__(self, camera: CameraSpec, options: EnvelopeOptions) -> None:
        self.watch = FrameWatch(camera, options.max_frame_age_s)
        self._longest_gap_s = options.longest_gap_s
        self.reset()

    def reset(self) -> None:
        """Forget the drive so far."""
        self.watch.reset()
        self._clock = Clock(self._longest_gap_s)
        self._sure_mps = MAX_SPEED_MPS
        self._prediction_s = math.nan

    def take(
        self,
        observation: Observation | None,
        prediction: Prediction | None,
        speed_mps: float,
        now_s: float,
        yaw_rate_radps: float | None,
    ) -> Tick:
        """Take in a call's arguments (see `SafetyEnvelope.step`).

        Args:
            observation: the newest one, or None.
            prediction: the newest one, or None.
            speed_mps: measured forward speed.
            now_s: the time of the call, on the clock of the observations.
            yaw_rate_radps: measured, positive to the left; None where it is not.

        Raises:
            InputError: one of them is of the wrong type or in another unit.
        """
        tick = Tick(
            reading("now_s", now_s, _TIME), reading("speed_mps", speed_mps, "the speed in m/s")
        )
        if yaw_rate_radps is not None:
            tick.yaw_rate_radps = reading("yaw_rate_radps", yaw_rate_radps, "rad/s")
        if observation is not None:
            if not isinstance(observation, Observation):
                raise InputError(f"the envelope takes an Observation, got {shown(observation)}")
            tick.frame_s = reading("the observation's time_s", observation.time_s, _TIME)
        if prediction is not None:
            if not isinstance(prediction, Prediction):
                raise InputError(f"the envelope takes a Prediction, got {shown(prediction)}")
            tick.prediction_s = reading("the prediction's time_s", prediction.time_s, _TIME)
            check_fields(prediction)
        # nothing is remembered of a call that is refused
        tick.elapsed_s = self._clock.look(tick.now_s, tick)
        if -MAX_SPEED_MPS <= tick.speed_mps <= MAX_SPEED_MPS:
            self._sure_mps = abs(tick.speed_mps)
        tick.sure_mps = self._sure_mps
        self._look_at_frame(observation, tick)
        self._look_at_prediction(prediction, tick)
        return tick

    def _look_at_frame(self, observation: Observation | None, tick: Tick) -> None:
        if observation is None:
            tick.add(EnvelopeFlag.NO_FRAME, "there is no frame")
            return
        tick.is_new = self.watch.look(
            observation.image, tick.frame_s, tick.now_s, tick.speed_mps, tick
        )

    def _look_at_prediction(self, prediction: Prediction | None, tick: Tick) -> None:
        if prediction is None:
            tick.add(EnvelopeFlag.NO_PREDICTION, "there is no prediction")
            return
        tick.is_new |= tick.prediction_s != self._prediction_s
        self._prediction_s = tick.prediction_s
        flags = prediction.flags
        if not flags and not prediction.is_empty:
            return
        if WITHHOLDING.intersection(flags) or prediction.is_empty:
            why = prediction.reason or "the prediction is withheld"
            tick.add(EnvelopeFlag.PREDICTION_WITHHELD, why)
            return
        if Flag.INPUT_OUT_OF_RANGE in flags:
            why = prediction.reason or "an input is outside the training range"
            tick.add(EnvelopeFlag.INPUT_OUT_OF_RANGE, why)
        if Flag.OUT_OF_DISTRIBUTION in flags:
            tick.add(EnvelopeFlag.OUT_OF_DISTRIBUTION, _unlike(prediction))


def _unlike(prediction: Prediction) -> str:
    """Why it is flagged as out of distribution; the reason may be that of another flag as well."""
    return f"the image is unlike those of the training (score {shown(prediction.ood_score)})"


def plain_control(control: Control, what: str) -> Control:
    """A command of finite floats.

    Args:
        control: that was given.
        what: names it in messages.

    Raises:
        InputError: it is no Control, or one of its numbers is not finite.
    """
    if not isinstance(control, Control):
        raise InputError(f"{what} is {shown(control)}; give a Control")
    steer, throttle, brake = control.steer_rad, control.throttle, control.brake
    if type(steer) is type(throttle) is type(brake) is float and math.isfinite(
        steer + throttle + brake
    ):
        return control
    return Control(
        number(f"{what}'s steer_rad", steer),
        number(f"{what}'s throttle", throttle),
        number(f"{what}'s brake", brake),
    )
