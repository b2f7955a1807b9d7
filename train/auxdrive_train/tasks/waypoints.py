"""The waypoints task: where the vehicle will be, in its own frame, from one image, its speed and
the target point (TransFuser, Prakash et al. 2021).

Legend: N samples, T waypoints. Ego frame: x forward, y left, origin at the rear axle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from auxdrive.cards import DatasetCard
from auxdrive.controllers.pure_pursuit import PurePursuitOptions
from auxdrive.frames import offsets_to_ego
from auxdrive.geometry import euclidean, point_at_distance, polyline_length, pure_pursuit_tan
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Float32, Float64
from numpy.typing import NDArray
from torch import Tensor, nn

from auxdrive_train.models.heads import WaypointHead
from auxdrive_train.tasks.base import Labels, Task, check_predictions, check_state
from auxdrive_train.tasks.metrics import displacement_errors
from auxdrive_train.tasks.steering_angle import steering_metrics
from auxdrive_train.tasks.view import View

WAYPOINT_TIMES_S = (0.5, 1.0, 1.5, 2.0)
DEFAULT_WHEELBASE_M = 2.9
"""The wheelbase of a mid-size car, used if the data set's card has none. Only the reported steering
angle depends on it.
"""
_PURSUIT = PurePursuitOptions()
MAX_GAP_PERIODS = 2.5
"""Positions are not interpolated between records that are further apart than this many sampling
periods.
"""
_TIME_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class WaypointsTask(Task):
    """Positions 0.5, 1.0, 1.5 and 2.0 s ahead, (4, 2) in metres; ego inputs are speed and target
    point.

    Attributes:
        scale: metres per network unit.
        times_s: how far ahead each waypoint is.
        wheelbase_m: used by `steer_of`.
    """

    recipe = Path(__file__).with_suffix(".yaml")
    name: str = "waypoints"
    scale: float = 5.0
    primary_metric: str = "ade_m"
    times_s: tuple[float, ...] = WAYPOINT_TIMES_S
    wheelbase_m: float = DEFAULT_WHEELBASE_M

    @classmethod
    def of_dataset(cls, card: DatasetCard) -> Self:
        """The task with the wheelbase of the data set's vehicle."""
        return cls(wheelbase_m=card.vehicle.wheelbase_m or DEFAULT_WHEELBASE_M)

    def labels(self, state: AnyArray, rate_hz: float) -> Labels:
        """Future positions, interpolated linearly in time; see `Task.labels`.

        A record is not valid

        - if its pose, speed or target point is not finite,
        - if a future position is after the end of the episode, between records without a pose, or
          in a gap of more than `MAX_GAP_PERIODS` sampling periods,
        - if the steering was disturbed on purpose before the last waypoint, since that path is not
          the driver's.

        Args:
            state: the records (N,) of one episode.
            rate_hz: frames per second of the data set: a sampling period is one over it.

        Raises:
            DataError: the records are not of one episode; see `Task.labels`.
        """
        check_state(state)
        waypoints_nt2 = future_positions_ego_m(
            state, self.times_s, max_gap_s=MAX_GAP_PERIODS / rate_hz
        )
        ego = self.ego.from_state(state)
        valid = np.isfinite(
            np.concatenate([waypoints_nt2.reshape(len(ego), 2 * len(self.times_s)), ego], axis=1)
        ).all(axis=1)
        valid &= ~_disturbed_within(state, self.times_s[-1])
        label = np.where(valid[:, None, None], waypoints_nt2, 0.0).astype(np.float32)
        return Labels(valid=valid, ego=np.where(valid[:, None], ego, np.float32(0)), label=label)

    def head(self, feature_dim: int, dropout: float) -> nn.Module:
        """TransFuser's GRU; see `WaypointHead`.

        Args:
            feature_dim: D, how many features the encoder gives.
            dropout: share of features that training sets to zero.
        """
        return WaypointHead(feature_dim, self.ego, len(self.times_s), self.scale, dropout)

    def path(self, label: Float32) -> Float32:
        """The waypoints themselves."""
        return label

    def loss_per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Mean absolute error over points and coordinates (TransFuser's L1), (B,).

        Args:
            prediction: (B, T, 2), scaled: metres divided by `scale`.
            label: what was recorded, in the same form.
        """
        return (prediction - label).abs().flatten(1).mean(dim=1)

    def metrics(
        self, prediction: AnyArray, label: AnyArray, steering: SteeringSpec
    ) -> dict[str, float]:
        """`ade_m`, `fde_m`, and the steering metrics of the angles by which pure pursuit would
        follow the two paths (`steer_acc_1.5` ... `steer_r2`).

        Args:
            prediction: predicted waypoints (N, T, 2) in metres in the ego frame.
            label: recorded ones, likewise.
            steering: the data's steering limits, by which the angles are judged.

        Raises:
            DataError: the arrays are not fit for metrics; see `check_predictions`.
        """
        predicted, truth = check_predictions(prediction, label, self.label_shape)
        ade_m, fde_m = displacement_errors(predicted, truth)
        steer = steering_metrics(self.steer_of(predicted), self.steer_of(truth), steering)
        return {"ade_m": float(ade_m.mean()), "fde_m": float(fde_m.mean())} | {
            f"steer_{key}": value for key, value in steer.items()
        }

    def mirror_label(self, label: Tensor) -> Tensor:
        """The waypoints with y negated."""
        return label * label.new_tensor([1.0, -1.0])

    def label_from(self, label: Tensor, view: View) -> Tensor:
        """The same places, in the displaced vehicles' ego frames.

        Args:
            label: (B, T, 2) in metres.
            view: where the vehicles are.
        """
        return view.points(label)

    def steer_of(self, prediction: AnyArray) -> Float64:
        """Road-wheel angles (N,) in radians by which pure pursuit follows paths (N, T, 2) in
        metres; see `pure_pursuit_rad`.
        """
        return pure_pursuit_rad(
            np.asarray(prediction, dtype=np.float64), self.times_s, self.wheelbase_m
        )


def future_positions_ego_m(
    state: AnyArray, times_s: tuple[float, ...], max_gap_s: float
) -> Float64:
    """Where the vehicle is some time after each record, (N, T, 2) in the record's ego frame; NaN if
    unknown.

    Args:
        state: the records (N,) of an episode.
        times_s: T times after each record.
        max_gap_s: records further apart are not interpolated between.
    """
    time_s = np.asarray(state["time_s"], dtype=np.float64)
    xy_n2 = np.stack([state["x_m"], state["y_m"]], axis=1).astype(np.float64)
    yaw_rad = np.asarray(state["yaw_rad"], dtype=np.float64)
    if len(time_s) < 2:
        return np.full((len(time_s), len(times_s), 2), np.nan)
    after_nt, share_nt, known_nt = _brackets(
        time_s, time_s[:, None] + np.asarray(times_s, dtype=np.float64), max_gap_s
    )
    before_nt2, after_nt2 = xy_n2[after_nt - 1], xy_n2[after_nt]
    offset_nt2 = before_nt2 + share_nt[..., None] * (after_nt2 - before_nt2) - xy_n2[:, None]
    path_nt2 = offsets_to_ego(offset_nt2, yaw_rad[:, None])
    return np.where(known_nt[..., None], path_nt2, np.nan)


def _disturbed_within(state: AnyArray, horizon_s: float) -> NDArray[np.bool_]:
    """bool (N,): whether the steering was disturbed in a later record, up to `horizon_s` ahead. A
    record's own disturbance has already happened.
    """
    counts = np.concatenate([[0], np.cumsum(state["disturbed"] != 0)])
    time_s = np.asarray(state["time_s"], dtype=np.float64)
    last = np.searchsorted(time_s, time_s + horizon_s + _TIME_TOLERANCE_S, side="right")
    return np.asarray(counts[last] > counts[np.arange(len(state)) + 1])


def _brackets(
    time_s: Float64, wanted_nt: Float64, max_gap_s: float
) -> tuple[NDArray[np.int64], Float64, NDArray[np.bool_]]:
    """For each wanted time: the index of the first record at or after it, how far the time is
    between the record before and that one (0..1), and whether the two may be interpolated.
    """
    after_nt = np.clip(np.searchsorted(time_s, wanted_nt - _TIME_TOLERANCE_S), 1, len(time_s) - 1)
    gap_nt = time_s[after_nt] - time_s[after_nt - 1]
    share_nt = (wanted_nt - time_s[after_nt - 1]) / gap_nt
    known_nt = (wanted_nt <= time_s[-1] + _TIME_TOLERANCE_S) & (
        gap_nt <= max_gap_s + _TIME_TOLERANCE_S
    )
    return after_nt, share_nt, known_nt


def pure_pursuit_rad(path_nt2: Float64, times_s: tuple[float, ...], wheelbase_m: float) -> Float64:
    """Road-wheel angles (N,) in radians by pure pursuit, for many paths at once; as
    `auxdrive.controllers.PurePursuit` with its default options.

    The path is the polyline from the rear axle through the waypoints. The angle is atan(2 L y /
    d^2) for the point (x, y) at distance d where the path first leaves the look-ahead circle, or
    for the path's last point if it never does (Coulter 1992). The recorded speed is not known here,
    so the look-ahead distance follows from the path's own mean speed. A path that goes nowhere has
    an angle near zero.

    Args:
        path_nt2: (N, T, 2) in metres in the ego frame.
        times_s: when each waypoint is reached.
        wheelbase_m: L.
    """
    points = np.concatenate([np.zeros_like(path_nt2[:, :1]), path_nt2], axis=1)
    speed_mps = polyline_length(points, euclidean) / times_s[-1]
    lookahead_m = np.clip(
        _PURSUIT.lookahead_time_s * speed_mps, _PURSUIT.min_lookahead_m, _PURSUIT.max_lookahead_m
    )
    goal = point_at_distance(path_nt2, lookahead_m)
    steer_rad: Float64 = np.arctan(pure_pursuit_tan(goal, wheelbase_m, _PURSUIT.min_chord_m))
    return steer_rad
