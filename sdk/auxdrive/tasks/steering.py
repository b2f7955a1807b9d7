"""Steering: the road-wheel angle, radians, positive to the left. Legend: N frames, P points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from auxdrive.cards import ModelCard
from auxdrive.output_form import OutputForm
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.base import Drawing, OutputLimit, TaskSpec
from auxdrive.types import Float32, Float64, Prediction

ANGLE_MARGIN = 1.05
"""How far a predicted angle may exceed the maximum steering angle, as a factor: a network's output
has no hard limit, and controllers cut it.
"""

DRAWN_M, DRAWN_WHEELBASE_M = 20.0, 2.9
"""An angle is drawn as a path of this length, of a car of this wheelbase."""


class Steering(TaskSpec):
    """The task "steering": one angle, and no inputs beside the image."""

    name = "steering"
    predicts = "the road-wheel angle"
    output_name = "steer_rad"
    output_unit = "rad"
    output_frame = "road wheel, positive left"
    parity_unit = "deg"
    # Right exports differ by 1e-6 to 1e-4 degrees (float32 sums in another order). A wrong crop,
    # resize or normalisation makes more than 0.1, and no car holds an angle to 0.01.
    parity_limit = 0.01
    # Rounding to 8 bits moves a prediction by about a hundredth of its range. Trained students are
    # wrong by 1 to 5 degrees, and a servo turns in steps of 0.1 to 0.5.
    precision_limits = (1.0, 0.2)
    controller = "steering"

    def apart(self, difference: Float64) -> Float64:
        """The difference in degrees at the road wheel, (N, 1) to (N, 1)."""
        return np.degrees(np.abs(difference))

    def limit(self, steering: SteeringSpec) -> OutputLimit:
        """The maximum steering angle plus a margin."""
        return OutputLimit(
            steering.max_road_wheel_deg * ANGLE_MARGIN, "deg", "largest steering angle"
        )

    def size(self, row: Sequence[Any], form: OutputForm) -> float:
        """The angle without its sign, in degrees; infinite where it is not finite.

        Args:
            row: (1,), the road-wheel angle in radians.
            form: says nothing for this task.
        """
        del form
        steer_rad = float(row[0])
        return math.degrees(abs(steer_rad)) if math.isfinite(steer_rad) else math.inf

    def fields(self, row: Float32) -> dict[str, Any]:
        """The angle as a float."""
        return {"steer_rad": float(row[0])}

    def row(self, prediction: Prediction) -> Float32:
        """The angle, (1,)."""
        return np.array([prediction.steer_rad], np.float32)

    def made(self, prediction: Prediction) -> bool:
        """Whether there is an angle."""
        return prediction.steer_rad is not None

    @property
    def field(self) -> str:
        """`prediction.steer_rad`."""
        return "steer_rad"

    def text(self, prediction: Prediction) -> str:
        """The angle in degrees."""
        return f"steer {math.degrees(prediction.steer_rad or 0.0):+.2f} deg"

    def cells(self, prediction: Prediction) -> dict[str, float | None]:
        """One column, the angle in radians."""
        return {"steer_rad": prediction.steer_rad}

    def drawing(self, row: Float32) -> Drawing:
        """The angle in degrees, and the path that a car drives at that angle."""
        steer_rad = float(row[0])
        arc_m = np.linspace(0.0, DRAWN_M, 21)
        heading = arc_m * math.tan(max(-1.4, min(1.4, steer_rad))) / DRAWN_WHEELBASE_M
        step = np.diff(arc_m, prepend=0.0)
        path = np.stack(
            [np.cumsum(np.cos(heading) * step), np.cumsum(np.sin(heading) * step)], axis=1
        )
        return Drawing(f"{math.degrees(steer_rad):+.1f} deg", path.astype(np.float32))

    def metrics_note(self, card: ModelCard) -> str:
        """What the metrics of angles mean."""
        return steering_note(card)


def steering_note(card: ModelCard) -> str:
    """What the metrics of steering angles mean, for the page of a bundle."""
    wheel = "steering wheel" if card.steering.ratio else "road wheel"
    return (
        "`acc_t`: share of frames whose steering error is below t degrees; `macc`: their mean. "
        f"Errors are of the {wheel}."
    )


STEERING = Steering()
