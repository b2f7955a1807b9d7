"""The steering task: the road-wheel angle from one image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Float64
from torch import Tensor, nn
from torch.nn import functional

from auxdrive_train.models.heads import SteeringHead
from auxdrive_train.tasks.base import Labels, Task, check_predictions, check_state
from auxdrive_train.tasks.metrics import r2_score, steering_accuracies


@dataclass(frozen=True)
class SteeringTask(Task):
    """Road-wheel angle in radians, positive left; no inputs beside the image.

    Attributes:
        scale: radians per network unit. 10 degrees is about the spread of driven angles in towns,
            so labels are of order one.
        huber_delta: None for the squared error (AML); a positive number, in scaled units, for the
            Huber loss with that bend.
    """

    name: str = "steering"
    scale: float = math.radians(10.0)
    # Squared errors, as in the loss: mAcc counts threshold crossings, and on a small validation
    # part it jumps from epoch to epoch.
    primary_metric: str = "rmse_road_wheel_deg"
    huber_delta: float | None = None

    def labels(self, state: AnyArray, rate_hz: float) -> Labels:  # noqa: ARG002 (an angle needs no rate)
        """The commanded angle of each record; valid where it is finite. See `Task.labels`."""
        check_state(state)
        steer_rad = np.asarray(state["steer_rad"], dtype=np.float32)
        valid = np.isfinite(steer_rad)
        return Labels(
            valid=valid,
            ego=self.ego.from_state(state),
            label=np.where(valid, steer_rad, np.float32(0))[:, None],
        )

    def head(self, feature_dim: int, dropout: float) -> nn.Module:
        """PilotNet's dense layers."""
        return SteeringHead(feature_dim, self.scale, dropout)

    def loss_per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Squared error, or Huber; scaled units, (B, 1) and (B, 1) to (B,)."""
        if self.huber_delta is None:
            return (prediction - label).square().flatten(1).mean(dim=1)
        return (
            functional.huber_loss(prediction, label, reduction="none", delta=self.huber_delta)
            .flatten(1)
            .mean(dim=1)
        )

    def metrics(
        self, prediction: AnyArray, label: AnyArray, steering: SteeringSpec
    ) -> dict[str, float]:
        """`acc_1.5` ... `acc_75`, `macc`, errors in degrees and `r2` of angles in radians (N, 1).
        See `steering_metrics`.
        """
        predicted, truth = check_predictions(prediction, label, self.label_shape)
        return steering_metrics(predicted[:, 0], truth[:, 0], steering)

    def mirror_label(self, label: Tensor) -> Tensor:
        """Left becomes right: the negated angle."""
        return -label


def steering_metrics(
    prediction_rad: Float64, target_rad: Float64, steering: SteeringSpec
) -> dict[str, float]:
    """Accuracies, mean absolute error in degrees and R2 of road-wheel angles (N,).

    The papers' data sets label the steering wheel, and the thresholds of 1.5 to 75 degrees are
    meant there. So where the source's labels are steering-wheel degrees (`steering.ratio` is
    known), `acc_*` and `macc` are of the steering wheel; otherwise they are of the road wheel.
    `mae_road_wheel_deg` and `rmse_road_wheel_deg` are always of the road wheel;
    `mae_steering_wheel_deg` is there only where the ratio is known. `r2` is left out where the
    labels do not vary, since it is undefined there and JSON has no NaN.
    """
    error_deg = np.degrees(prediction_rad - target_rad)
    mae_deg = float(np.mean(np.abs(error_deg)))
    r2 = r2_score(prediction_rad, target_rad)
    return {
        **steering_accuracies(error_deg * (steering.ratio or 1.0)),
        "mae_road_wheel_deg": mae_deg,
        **(
            {"mae_steering_wheel_deg": mae_deg * steering.ratio}
            if steering.ratio is not None
            else {}
        ),
        "rmse_road_wheel_deg": float(np.sqrt(np.mean(error_deg**2))),
        **({} if math.isnan(r2) else {"r2": r2}),
    }
