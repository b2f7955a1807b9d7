"""What is timed: the way from a frame in memory to a `Control`, and the bare session beside it.

What stands between predictor and actuators is a `Drive`; a vehicle that has more there adds it to
`driving`, and it is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from auxdrive.bundles import ego_of, image_inputs
from auxdrive.cards import ModelCard
from auxdrive.controllers import make_controller
from auxdrive.envelope.envelope import SafetyEnvelope
from auxdrive.history import current, each_earlier
from auxdrive.predictor import Predictor
from auxdrive.runtimes import Session
from auxdrive.runtimes.frames import FrameInput
from auxdrive.tasks import TASKS
from auxdrive.types import Control, Float32, Observation, Prediction, UInt8

DEFAULT_SPEED_MPS = 5.0
"""What a controller is told where the model takes no speed."""

Step = Callable[[Observation, Prediction, float, float], Control | None]
"""From observation, prediction, speed in m/s and the time now to the command; None where no
controller drives by the task's predictions.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame and what the vehicle knows with it.

    Attributes:
        image: uint8 RGB (H, W, 3).
        ego: the model's ego inputs, as fields of an `Observation`.
        numbers: the same as the session's buffers take them, in the card's order.
        speed_mps: forward speed.
        earlier: the F - 1 images before it, for a model that takes F at once.
    """

    image: UInt8
    ego: dict[str, Any]
    numbers: tuple[tuple[float, ...], ...]
    speed_mps: float
    earlier: tuple[UInt8, ...] = ()


def frames_of(card: ModelCard, images: UInt8, ego: Float32) -> list[Frame]:
    """Frames with their ego inputs.

    Args:
        card: of the model.
        images: uint8 (N, H, W, 3) or (N, F, H, W, 3).
        ego: float32 (N, E), the ego inputs side by side in the card's order.
    """
    layout, found = ego_of(card), []
    for image, earlier, row in zip(
        current(images), each_earlier(images), ego.tolist(), strict=True
    ):
        fields = layout.fields(row)
        numbers = layout.read(Observation(image, 0.0, **fields))
        speed_mps = fields.get("speed_mps", DEFAULT_SPEED_MPS)
        found.append(Frame(image, fields, numbers, speed_mps, earlier or ()))
    return found


@dataclass(frozen=True, slots=True)
class Drive:
    """What turns predictions into commands.

    Attributes:
        controller: its name; empty where none drives by the task's predictions.
        enveloped: whether a `SafetyEnvelope` holds it.
        why_not: why none does, where one was asked for.
    """

    controller: str
    enveloped: bool
    why_not: str = ""

    def __str__(self) -> str:
        if not self.controller:
            return "from a frame in memory to a prediction: no controller drives by this task"
        held = " within the safety envelope" if self.enveloped else ", without a safety envelope"
        why = f" ({self.why_not})" if self.why_not else ""
        return (
            f"from a frame in memory to a command, by the controller '{self.controller}'{held}{why}"
        )


def drive_of(card: ModelCard, controller: str | None, envelope: bool) -> Drive:
    """What turns a model's predictions into commands.

    Args:
        card: of the model.
        controller: a name in `auxdrive.controllers.CONTROLLERS`; None for the task's.
        envelope: whether a safety envelope holds it, where it can.
    """
    name = controller or TASKS[card.task].controller or ""
    why_not = ""
    if envelope and name and card.vehicle.wheelbase_m is None:
        why_not = "the card says no wheelbase"
    return Drive(name, envelope and bool(name) and not why_not, why_not)


def driving(card: ModelCard, drive: Drive) -> Step:
    """What a vehicle does with a prediction.

    Args:
        card: of the model.
        drive: what turns it into a command.
    """
    if not drive.controller:
        return lambda seen, prediction, speed_mps, now_s: None  # noqa: ARG005
    controller = make_controller(drive.controller, card.steering, card.vehicle)
    if not drive.enveloped:
        return lambda seen, prediction, speed_mps, now_s: controller.step(  # noqa: ARG005
            prediction, speed_mps, now_s
        )
    envelope = SafetyEnvelope(controller, card.steering, card.vehicle, card.camera)
    return lambda seen, prediction, speed_mps, now_s: (
        envelope.step(seen, prediction, speed_mps, now_s).control
    )


def whole_path(predictor: Predictor, drive: Drive) -> Callable[[Frame], object]:
    """The way from a frame to a command. Frames have the times of the camera's rate, however fast
    they are called: what watches the clock then sees a camera and not a stress test.

    Args:
        predictor: that is loaded.
        drive: what turns its predictions into commands.
    """
    step, period_s, time_s = driving(predictor.card, drive), 1 / predictor.card.rate_hz, 0.0

    def call(frame: Frame) -> object:
        nonlocal time_s
        time_s += period_s
        begin_s = perf_counter()
        seen = Observation(frame.image, time_s, **frame.ego)
        prediction = predictor.predict(seen)
        return step(seen, prediction, frame.speed_mps, time_s + perf_counter() - begin_s)

    return call


def bare_session(session: Session, card: ModelCard) -> Callable[[Frame], object]:
    """The least that there is: frame and ego inputs are copied into the buffers (a large frame is
    read where it lies), the graph runs. Nothing is remembered: earlier frames are at hand.

    Args:
        session: of the model.
        card: of the model.
    """
    image = FrameInput(session, *image_inputs(card.history.frames))
    buffers = [session.inputs[name] for name in ego_of(card).names]

    def call(frame: Frame) -> None:
        for buffer, numbers in zip(buffers, frame.numbers, strict=True):
            buffer[0] = numbers
        image.run(session, frame.image, earlier=frame.earlier)

    return call
