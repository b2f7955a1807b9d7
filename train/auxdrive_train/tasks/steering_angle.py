"""The steering task: the road-wheel angle from one image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from auxdrive.cards import DatasetCard
from auxdrive.errors import ConfigError
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Float64
from torch import Tensor, nn
from torch.nn import functional

from auxdrive_train.models.heads import SteeringHead
from auxdrive_train.tasks.base import Labels, Task, check_predictions, check_state
from auxdrive_train.tasks.metrics import r2_score, steering_accuracies
from auxdrive_train.tasks.view import View


@dataclass(frozen=True)
class SteeringTask(Task):
    """The road-wheel angle in radians, positive to the left; without ego inputs.

    Attributes:
        scale: radians per network unit. Angles driven in towns vary by about 10 degrees, so that
            scaled labels are of order one.
        huber_delta: None for the squared error, as in AML. A positive number, in scaled units, for
            the Huber loss that turns linear there.
        wheelbase_m: of the data set's vehicle; None where its card does not say. Only views from
            other places need it.
    """

    name: str = "steering"
    scale: float = math.radians(10.0)
    # A squared error, like the loss. mAcc counts samples below thresholds and jumps from epoch to
    # epoch on a small validation part.
    primary_metric: str = "rmse_road_wheel_deg"
    huber_delta: float | None = None
    wheelbase_m: float | None = None

    @classmethod
    def of_dataset(cls, card: DatasetCard) -> Self:
        """The task with the wheelbase of the data set's vehicle."""
        return cls(wheelbase_m=card.vehicle.wheelbase_m)

    def labels(self, state: AnyArray, rate_hz: float) -> Labels:  # noqa: ARG002 (an angle needs no rate)
        """The commanded angle of each record, (N, 1) in radians; valid if it is finite.

        Args:
            state: the records (N,) of one episode.
            rate_hz: is not used: an angle needs no rate.

        Raises:
            DataError: the records are not of one episode; see `Task.labels`.
        """
        check_state(state)
        steer_rad = np.asarray(state["steer_rad"], dtype=np.float32)
        valid = np.isfinite(steer_rad)
        return Labels(
            valid=valid,
            ego=self.ego.from_state(state),
            label=np.where(valid, steer_rad, np.float32(0))[:, None],
        )

    def head(self, feature_dim: int, dropout: float) -> nn.Module:
        """PilotNet's dense layers; see `SteeringHead`.

        Args:
            feature_dim: D, how many features the encoder gives.
            dropout: share of features that training sets to zero.
        """
        return SteeringHead(feature_dim, self.scale, dropout)

    def loss_per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Squared error or, if `huber_delta` is set, Huber loss, (B,).

        Args:
            prediction: (B, 1), scaled: radians divided by `scale`.
            label: what was recorded, in the same form.
        """
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
        """`acc_1.5` ... `acc_75`, `macc`, errors in degrees, and `r2`.

        Args:
            prediction: predicted road-wheel angles (N, 1) in radians.
            label: recorded ones, likewise.
            steering: the data's steering limits; see `steering_metrics`.

        Raises:
            DataError: the arrays are not fit for metrics; see `check_predictions`.
        """
        predicted, truth = check_predictions(prediction, label, self.label_shape)
        return steering_metrics(predicted[:, 0], truth[:, 0], steering)

    def mirror_label(self, label: Tensor) -> Tensor:
        """The negated angle: left becomes right."""
        return -label

    def label_from(self, label: Tensor, view: View) -> Tensor:
        """The angle of the arc that leads from where the displaced vehicle is to the place that
        the recorded one reaches after `recover_m` with its own angle.

        Args:
            label: (B, 1), road-wheel angles in radians.
            view: where the vehicles are.

        Raises:
            ConfigError: the wheelbase is not known.
        """
        if self.wheelbase_m is None:
            raise ConfigError(
                "an angle that leads back needs the wheelbase (vehicle.wheelbase_m in dataset.json)"
            )
        half_turn = torch.tan(label[:, 0]) / self.wheelbase_m * (view.recover_m / 2)
        chord_m = view.recover_m * torch.sinc(half_turn / math.pi)
        place = torch.stack([torch.cos(half_turn), torch.sin(half_turn)], dim=1) * chord_m[:, None]
        goal = view.points(place)
        curvature = 2.0 * goal[:, 1] / goal.square().sum(dim=1)
        return torch.atan(self.wheelbase_m * curvature)[:, None]


def steering_metrics(
    prediction_rad: Float64, target_rad: Float64, steering: SteeringSpec
) -> dict[str, float]:
    """Accuracies, errors in degrees and R2 of road-wheel angles (N,) in radians.

    In the papers' data sets the labels are angles of the steering wheel, and the thresholds of 1.5
    to 75 degrees refer to it. So if the source's labels are steering-wheel degrees
    (`steering.ratio` is known), `acc_*` and `macc` are of the steering wheel, otherwise of the road
    wheel. `mae_road_wheel_deg` and `rmse_road_wheel_deg` are always of the road wheel.
    `mae_steering_wheel_deg` exists only if the ratio is known. `r2` is left out if the labels do
    not vary, since it is then undefined and JSON has no NaN.

    Args:
        prediction_rad: predicted road-wheel angles.
        target_rad: recorded road-wheel angles.
        steering: the data's steering limits.
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
