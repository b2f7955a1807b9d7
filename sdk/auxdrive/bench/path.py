"""What is timed: the way from a frame in memory to a `Control`, and the bare session beside it.

Whatever a vehicle puts between predictor and actuators belongs into `driving`, and is then timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from auxdrive.bundles import IMAGE_INPUT, ego_of
from auxdrive.cards import ModelCard
from auxdrive.controllers import make_controller
from auxdrive.predictor import Predictor
from auxdrive.runtimes import Session
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
    """

    image: UInt8
    ego: dict[str, Any]
    numbers: tuple[tuple[float, ...], ...]
    speed_mps: float


def frames_of(card: ModelCard, images: UInt8, ego: Float32) -> list[Frame]:
    """Frames with their ego inputs.

    Args:
        card: of the model.
        images: uint8 (N, H, W, 3).
        ego: float32 (N, E), the ego inputs side by side in the card's order.
    """
    layout, found = ego_of(card), []
    for image, row in zip(images, ego.tolist(), strict=True):
        fields = layout.fields(row)
        numbers = layout.read(Observation(image, 0.0, **fields))
        speed_mps = fields.get("speed_mps", DEFAULT_SPEED_MPS)
        found.append(Frame(image, fields, numbers, speed_mps))
    return found


def driver_of(card: ModelCard, controller: str | None) -> str:
    """The name of the controller that drives: the one that is named, or the task's; empty where the
    task has none.

    Args:
        card: of the model.
        controller: a name in `auxdrive.controllers.CONTROLLERS`, or None.
    """
    return controller or TASKS[card.task].controller or ""


def told(driver: str) -> str:
    """What is timed, in words, with the controller of that name (empty for none)."""
    by = f"and the controller '{driver}'" if driver else "alone: no controller drives by this task"
    return f"from a frame in memory to a command: the predictor {by}"


def driving(card: ModelCard, driver: str) -> Step:
    """What a vehicle does with a prediction.

    Args:
        card: of the model.
        driver: the name of a controller; empty for none.
    """
    if not driver:
        return lambda seen, prediction, speed_mps, now_s: None  # noqa: ARG005
    controller = make_controller(driver, card.steering, card.vehicle)
    return lambda seen, prediction, speed_mps, now_s: controller.step(  # noqa: ARG005
        prediction, speed_mps, now_s
    )


def whole_path(predictor: Predictor, step: Step) -> Callable[[Frame], object]:
    """The way from a frame to a command.

    Args:
        predictor: that is loaded.
        step: from its prediction to the command.
    """

    def call(frame: Frame) -> object:
        seen = Observation(frame.image, time.monotonic(), **frame.ego)
        prediction = predictor.predict(seen)
        return step(seen, prediction, frame.speed_mps, time.monotonic())

    return call


def bare_session(session: Session, card: ModelCard) -> Callable[[Frame], object]:
    """The least that there is: frame and ego inputs are copied into the buffers, the graph runs.

    Args:
        session: of the model.
        card: of the model.
    """
    image = session.inputs[IMAGE_INPUT][0]
    buffers = [session.inputs[name] for name in ego_of(card).names]

    def call(frame: Frame) -> None:
        for buffer, numbers in zip(buffers, frame.numbers, strict=True):
            buffer[0] = numbers
        np.copyto(image, frame.image)
        session.run()

    return call
