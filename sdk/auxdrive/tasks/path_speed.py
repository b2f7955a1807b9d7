"""Path and speed: where to drive, as a path by distance, and how fast, as a distribution over
classes of speed, so that steering and stopping are not one number (Jaeger, Chitta and Geiger,
Hidden Biases of End-to-End Driving Models, ICCV 2023: TransFuser++).

Legend: N frames, P points of the path, K classes of speed. Ego frame: x forward, y left, metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from auxdrive.cards import ModelCard
from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.data.plan import PATH_POINTS, PATH_STEP_M
from auxdrive.output_form import OutputForm
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.base import Drawing, OutputLimit, TaskSpec
from auxdrive.tasks.steering import steering_note
from auxdrive.types import Float32, Float64, Prediction

SPEED_CLASSES_MPS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 17.0, 20.0)
"""The speeds of the classes: close to each other where a car creeps and stops. A speed between two
of them is a share of each.
"""
PATH, SPEED, SHARES = "path_ego_m", "target_speed_mps", "speed_shares"
"""The names in `Prediction.values`."""
SPEED_COLUMN = 2 * PATH_POINTS
"""Where the target speed stands in a row: after the path's x and y, before the shares."""

STRETCH, SLACK_M = 1.5, 10.0
"""A point of the path lies no farther away than its distance along the path, but for this factor
and this much: at the start of a route the path begins ahead of the car.
"""


class PathSpeed(TaskSpec):
    """The task "path_speed": P points (x, y) of the path, one for each metre, the target speed, and
    the share of each class of speed, of which the target speed is the expectation.
    """

    name = "path_speed"
    predicts = "where to drive, and how fast"
    output_name = "path_speed"
    output_unit = "m, m/s, shares"
    output_frame = "ego, x forward, y left"
    axes = (str(2 * PATH_POINTS + 1 + len(SPEED_CLASSES_MPS)),)
    ego_inputs = (
        "speed_mps", "target_ego_m", "next_targets_ego_m", "command", "next_command", "standing_s",
        "moving_s", "last_target_ego_m", "last_command",
    )  # fmt: skip
    parity_unit = "cm"
    # As for waypoints: right exports differ by 1e-6 to 1e-4 cm.
    parity_limit = 0.1
    # A tenth of a metre per second counts as 10 cm, and the end of the path is 20 m away: students
    # are wrong by more.
    precision_limits = (100.0, 20.0)
    controller = "path_speed"

    def apart(self, difference: Float64) -> Float64:
        """Distances between corresponding points of the path in centimetres; beside them the
        difference of the target speeds, as the centimetres that it makes in a second, and those of
        the shares, a percentage point as a millimetre: (N, 2 P + 1 + K) to (N, P + 1 + K).
        """
        path = difference[:, :SPEED_COLUMN].reshape(len(difference), PATH_POINTS, 2)
        return np.concatenate(
            [
                100.0 * np.hypot(path[..., 0], path[..., 1]),
                100.0 * np.abs(difference[:, SPEED_COLUMN : SPEED_COLUMN + 1]),
                10.0 * np.abs(difference[:, SPEED_COLUMN + 1 :]),
            ],
            axis=1,
        )

    def limit(self, steering: SteeringSpec) -> OutputLimit:
        """What a car can do: how far away the points of a path may lie, and its largest speed."""
        del steering
        return OutputLimit(1.0, "of what a car can do", "largest distance of the path, or speed")

    def size(self, row: Sequence[Any], form: OutputForm) -> float:
        """The largest share of a row's numbers in what they may be; infinite where one is not
        finite.

        Args:
            row: (2 P + 1 + K,).
            form: says nothing for this task.
        """
        del form
        if not all(map(math.isfinite, row)):
            return math.inf
        largest = float(abs(row[SPEED_COLUMN])) / MAX_SPEED_MPS
        for k in range(PATH_POINTS):
            most_m = STRETCH * PATH_STEP_M * (k + 1) + SLACK_M
            largest = max(largest, math.hypot(row[2 * k], row[2 * k + 1]) / most_m)
        # shares lie within 0 and 1, but for rounding
        return max(largest, max(abs(float(share)) for share in row[SPEED_COLUMN + 1 :]) / 1.01)

    def fields(self, row: Float32) -> dict[str, Any]:
        """Path (P, 2), target speed (1,) and shares (K,) as values of their own."""
        path, rest = np.split(row, [SPEED_COLUMN])
        return {"values": {PATH: path.reshape(PATH_POINTS, 2), SPEED: rest[:1], SHARES: rest[1:]}}

    def row(self, prediction: Prediction) -> Float32:
        """All of them, (2 P + 1 + K,)."""
        values = prediction.values
        return np.concatenate([values[PATH].ravel(), values[SPEED], values[SHARES]])

    def made(self, prediction: Prediction) -> bool:
        """Whether all three are there."""
        return {PATH, SPEED, SHARES} <= prediction.values.keys()

    @property
    def field(self) -> str:
        """The path; the target speed stands beside it, under `target_speed_mps`."""
        return f'values["{PATH}"]'

    def text(self, prediction: Prediction) -> str:
        """Target speed, share of standing, and the end of the path."""
        return _text(self.row(prediction))

    def cells(self, prediction: Prediction) -> dict[str, float | None]:
        """Two columns for each point k of the path, x<k>_m and y<k>_m, the target speed, and a
        column for the share of each class.
        """
        names = [f"{axis}{k}_m" for k in range(1, PATH_POINTS + 1) for axis in "xy"]
        names += [SPEED, *(f"share_{speed_mps:g}_mps" for speed_mps in SPEED_CLASSES_MPS)]
        row = self.row(prediction).tolist() if self.made(prediction) else [None] * len(names)
        return dict(zip(names, row, strict=True))

    def drawing(self, row: Float32) -> Drawing:
        """The target speed as text, and the path from the car."""
        path = row[:SPEED_COLUMN].reshape(PATH_POINTS, 2)
        return Drawing(_text(row), np.concatenate([np.zeros((1, 2), np.float32), path]))

    def describe(self, form: OutputForm) -> str:
        """What is predicted, with the classes of speed."""
        del form
        classes = ", ".join(f"{speed_mps:g}" for speed_mps in SPEED_CLASSES_MPS)
        return (
            f"{self.predicts}: x and y of the path's points 1, 2, ... "
            f"{PATH_POINTS * PATH_STEP_M:g} m on; the target speed; the shares of the classes of "
            f"speed {classes} m/s, of which it is the expectation"
        )

    def metrics_note(self, card: ModelCard) -> str:
        """What the metrics mean."""
        return (
            "`path_*_m`: distance from the expert's path, on average and 5, 10 and 20 m on; "
            "`speed_mae_mps`: of the target speed; `acc_stop`: share of frames in which it would "
            "stand where the expert would, and drive where it would; `stop_brier_score`: how far "
            "the share of standing is from what was right, squared. `steer_*`: of the path's "
            f"pure-pursuit angle. {steering_note(card)}"
        )

    def example(self) -> Prediction:
        """Straight on, and to stand."""
        row = np.zeros(self.shape(OutputForm()), np.float32)
        row[0:SPEED_COLUMN:2] = PATH_STEP_M * np.arange(1, PATH_POINTS + 1)
        row[SPEED_COLUMN + 1] = 1.0
        return Prediction(1.0, 0.0, **self.fields(row))


def _text(row: Float32) -> str:
    x_m, y_m = row[SPEED_COLUMN - 2 : SPEED_COLUMN]
    speed_mps, stands = row[SPEED_COLUMN : SPEED_COLUMN + 2]
    return f"{speed_mps:.1f} m/s (stand {stands:.0%}), path to ({x_m:.1f}, {y_m:+.1f}) m"


PATH_SPEED = PathSpeed()
