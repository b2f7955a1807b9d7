"""The task path_speed: where to drive and how fast, from one image, the route and the car's own
state; learned from the expert's plans (`plan.npy`).

The loss is that of TransFuser++ (Jaeger et al. 2023): L1 of the path's points, and the cross
entropy of the classes of speed with soft labels.

Legend: N samples, P points of the path, K classes of speed. Ego frame: x forward, y left, origin at
the rear axle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from auxdrive.cards import DatasetCard
from auxdrive.data.plan import PATH_POINTS, PATH_STEP_M
from auxdrive.geometry import point_at_distance, pure_pursuit_tan
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.path_speed import SPEED_CLASSES_MPS, SPEED_COLUMN
from auxdrive.types import AnyArray, Float32, Float64
from torch import Tensor, nn

from auxdrive_train.models.path_speed_head import PathSpeedHead
from auxdrive_train.tasks.base import Labels, Task, check_predictions, check_state
from auxdrive_train.tasks.metrics import displacement_errors
from auxdrive_train.tasks.steering_angle import steering_metrics
from auxdrive_train.tasks.view import View
from auxdrive_train.tasks.waypoints import DEFAULT_WHEELBASE_M

PATH_WEIGHT = 2.0
"""Of a metre in the loss. Weights of 0.25, 1, 2 and 4 left errors of the path of 0.40, 0.31, 0.27
and 0.26 m, and of the target speed of 0.68, 0.65, 0.61 and 0.71 m/s (docs/recipe.md).
"""
LOOKAHEAD_M = 5.0
"""The angle of a path is that to its point at this distance."""
STOP_MPS = 0.5
"""Below this target speed a car is to stand: more than half of it is of the class 0."""
REACHED_S = (0.5, 1.0, 1.5, 2.0)
"""`path` gives where the car would be after these times, at its target speed."""
SMALLEST_SHARE = 1e-6
_MARKED_M = (5, 10, 20)


@dataclass(frozen=True)
class PathSpeedTask(Task):
    """A row for each frame: x and y of P points, the target speed, and the shares of K classes.

    Attributes:
        scale: metres per network unit; a power of two, so that shares stay exactly what they are.
        wheelbase_m: used by `steer_of`.
    """

    recipe = Path(__file__).with_suffix(".yaml")
    reads_plan = True
    name: str = "path_speed"
    scale: float = 4.0
    primary_metric: str = "plan_error_m"
    wheelbase_m: float = DEFAULT_WHEELBASE_M

    @classmethod
    def of_dataset(cls, card: DatasetCard) -> Self:
        """The task with the wheelbase of the data set's vehicle."""
        return cls(wheelbase_m=card.vehicle.wheelbase_m or DEFAULT_WHEELBASE_M)

    def labels(self, state: AnyArray, rate_hz: float) -> Labels:  # noqa: ARG002 (a plan needs no rate)
        """The expert's plan of each record. A record is not valid if it has no plan, or an ego
        input is not known. Disturbed steering does not matter: the plan is from where the car is.

        Args:
            state: the records (N,) of one episode, with its plans (`with_plan`).
            rate_hz: is not used: a plan needs no rate.

        Raises:
            DataError: the records are not of one episode; see `Task.labels`.
        """
        check_state(state)
        ego = self.ego.from_state(state)
        label = np.full((len(state), *self.label_shape), np.nan, np.float32)
        if "path_ego_m" in (state.dtype.names or ()):
            shares = two_hot(state["target_speed_mps"])
            label[:, :SPEED_COLUMN] = state["path_ego_m"].reshape(len(state), SPEED_COLUMN)
            label[:, SPEED_COLUMN] = shares @ np.asarray(SPEED_CLASSES_MPS)
            label[:, SPEED_COLUMN + 1 :] = shares
        valid = np.isfinite(np.concatenate([ego, label], axis=1)).all(axis=1)
        return Labels(
            valid=valid,
            ego=np.where(valid[:, None], ego, np.float32(0)),
            label=np.where(valid[:, None], label, np.float32(0)),
        )

    def head(self, feature_dim: int, dropout: float) -> nn.Module:
        """See `PathSpeedHead`.

        Args:
            feature_dim: D, how many features the encoder gives.
            dropout: share of features that training sets to zero.
        """
        return PathSpeedHead(feature_dim, self.ego, self.scale, dropout)

    def path(self, label: Float32) -> Float32:
        """Where the car would be after `REACHED_S` at its target speed, (N, T, 2): along its path,
        and where it is if it is to stand.
        """
        points = label[:, :SPEED_COLUMN].reshape(len(label), PATH_POINTS, 2)
        whole = np.concatenate([np.zeros_like(points[:, :1]), points], axis=1)
        steps = label[:, SPEED_COLUMN, None] * np.asarray(REACHED_S) / PATH_STEP_M
        before = np.clip(np.floor(steps), 0, PATH_POINTS - 1).astype(np.int64)
        share = np.clip(steps - before, 0.0, 1.0)[..., None]
        row = np.arange(len(label))[:, None]
        reached = (1 - share) * whole[row, before] + share * whole[row, before + 1]
        return np.asarray(reached, np.float32)

    def loss_per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """`PATH_WEIGHT` times the mean absolute error over the path's coordinates in metres, and
        the cross entropy of the shares less that of the label with itself (so that the least loss
        is 0), (B,).

        Args:
            prediction: (B, 2 P + 1 + K), scaled: divided by `scale`.
            label: the expert's, or a teacher's prediction, in the same form.
        """
        off_m = self.scale * (prediction[:, :SPEED_COLUMN] - label[:, :SPEED_COLUMN])
        ours, theirs = (
            (self.scale * each[:, SPEED_COLUMN + 1 :]).clamp(min=0.0)
            for each in (prediction, label)
        )
        surprise = torch.log(theirs + SMALLEST_SHARE) - torch.log(ours + SMALLEST_SHARE)
        path = PATH_WEIGHT * off_m.abs().mean(dim=1)
        return path + (theirs * surprise).sum(dim=1).clamp(min=0.0)

    def metrics(
        self, prediction: AnyArray, label: AnyArray, steering: SteeringSpec
    ) -> dict[str, float]:
        """The path's error by distance, that of the target speed, how well standing is told from
        driving, and the metrics of the paths' pure-pursuit angles (`steer_acc_1.5` ...).

        `plan_error_m` is the mean distance of the path's points, and the metres that the error of
        the target speed makes in a second.

        Args:
            prediction: (N, 2 P + 1 + K) in physical units.
            label: the expert's, likewise.
            steering: the data's steering limits, by which the angles are judged.

        Raises:
            DataError: the arrays are not fit for metrics; see `check_predictions`.
        """
        predicted, truth = check_predictions(prediction, label, self.label_shape)
        ours, theirs = (_path(each) for each in (predicted, truth))
        mean_m, _ = displacement_errors(ours, theirs)
        off_mps = np.abs(predicted[:, SPEED_COLUMN] - truth[:, SPEED_COLUMN])
        stands, says = (each[:, SPEED_COLUMN] < STOP_MPS for each in (truth, predicted))
        brier = np.square(predicted[:, SPEED_COLUMN + 1] - truth[:, SPEED_COLUMN + 1])
        found = {
            "plan_error_m": float(mean_m.mean() + off_mps.mean()),
            "path_ade_m": float(mean_m.mean()),
        }
        for at_m in _MARKED_M:
            point = round(at_m / PATH_STEP_M) - 1
            away = np.hypot(*(ours[:, point] - theirs[:, point]).T)
            found[f"path_at_{at_m}_m"] = float(away.mean())
        found |= {
            "speed_mae_mps": float(off_mps.mean()),
            "acc_stop": float(np.mean(stands == says)),
            "stop_missed_share": float(np.mean(stands & ~says)),
            "start_missed_share": float(np.mean(~stands & says)),
            "stop_brier_score": float(brier.mean()),
        }
        steer = steering_metrics(self.steer_of(predicted), self.steer_of(truth), steering)
        return found | {f"steer_{key}": value for key, value in steer.items()}

    def mirror_label(self, label: Tensor) -> Tensor:
        """The path with y negated."""
        signs = label.new_ones(label.shape[1])
        signs[1:SPEED_COLUMN:2] = -1.0
        return label * signs

    def label_from(self, label: Tensor, view: View) -> Tensor:
        """The same path, in the displaced vehicles' ego frames; the speeds stay.

        Args:
            label: (B, 2 P + 1 + K) in physical units.
            view: where the vehicles are.
        """
        path = view.points(label[:, :SPEED_COLUMN].reshape(len(label), PATH_POINTS, 2))
        return torch.cat([path.flatten(1), label[:, SPEED_COLUMN:]], dim=1)

    def steer_of(self, prediction: AnyArray) -> Float64:
        """Road-wheel angles (N,) in radians by which pure pursuit follows the paths of rows, to the
        point `LOOKAHEAD_M` away.
        """
        goal = point_at_distance(_path(np.asarray(prediction, np.float64)), LOOKAHEAD_M)
        steer_rad: Float64 = np.arctan(pure_pursuit_tan(goal, self.wheelbase_m, 1.0))
        return steer_rad


def two_hot(speed_mps: AnyArray) -> Float64:
    """The shares of `SPEED_CLASSES_MPS` whose expectation is a speed, those of its two neighbours:
    (N,) to (N, K). Speeds beyond the last class are taken for it; NaN gives NaN.

    Args:
        speed_mps: the speeds.
    """
    classes = np.asarray(SPEED_CLASSES_MPS)
    speed = np.clip(np.asarray(speed_mps, np.float64), classes[0], classes[-1])
    after = np.clip(np.searchsorted(classes, speed, side="right"), 1, len(classes) - 1)
    share = (speed - classes[after - 1]) / (classes[after] - classes[after - 1])
    shares = np.zeros((len(speed), len(classes)))
    row = np.arange(len(speed))
    shares[row, after - 1], shares[row, after] = 1 - share, share
    return shares


def _path(rows: Float64) -> Float64:
    return rows[:, :SPEED_COLUMN].reshape(len(rows), PATH_POINTS, 2)
