"""Metrics of steering angles and paths, in NumPy with float64, without torch.

Steering accuracy and mAcc: Auxiliary Modality Learning (AML), Table 1 and appendix. ADE and FDE:
the usual average and final displacement error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from auxdrive.errors import DataError
from auxdrive.types import AnyArray, Float64

STEERING_THRESHOLDS_DEG = (1.5, 3.0, 7.5, 15.0, 30.0, 75.0)


def steering_accuracies(error_deg: AnyArray) -> dict[str, float]:
    """The share of samples whose absolute error is below each threshold (`acc_1.5` ... `acc_75`),
    and the mean of these shares (`macc`), all 0..1; errors (N,) in degrees.
    """
    absolute = np.abs(np.asarray(error_deg, dtype=np.float64))
    accuracies = {f"acc_{tau:g}": float(np.mean(absolute < tau)) for tau in STEERING_THRESHOLDS_DEG}
    return {**accuracies, "macc": mean_accuracy(list(accuracies.values()))}


def mean_accuracy(accuracies: Sequence[float]) -> float:
    """mAcc: the mean of the accuracies at the six thresholds, 0..1."""
    if len(accuracies) != len(STEERING_THRESHOLDS_DEG):
        raise DataError(
            f"mAcc is the mean of {len(STEERING_THRESHOLDS_DEG)} accuracies, got {len(accuracies)}"
        )
    return float(np.mean(np.asarray(accuracies, dtype=np.float64)))


def higher_is_better(metric: str) -> bool:
    """Whether a larger value of a metric is better, by its name: true for shares (`acc_...`,
    `macc`) and `r2`, false for errors.
    """
    name = metric.removeprefix("steer_")
    return name.startswith("acc_") or name in ("macc", "r2")


def metric_unit(metric: str) -> str:
    """The unit of a metric, which is part of its name; empty for shares and R2."""
    return next(
        (
            unit
            for suffix, unit in (("_deg", "deg"), ("_mps", "m/s"), ("_m", "m"))
            if metric.endswith(suffix)
        ),
        "",
    )


def r2_score(prediction: AnyArray, label: AnyArray) -> float:
    """Coefficient of determination, 1 - SS_res / SS_tot. NaN if the labels do not vary: it is
    undefined then.

    Args:
        prediction: one number per sample, (N,).
        label: (N,), in the same unit.
    """
    predicted, truth = (
        np.asarray(prediction, dtype=np.float64),
        np.asarray(label, dtype=np.float64),
    )
    # The mean of equal numbers may differ from them by rounding, which is no variation.
    if float(np.ptp(truth)) <= 1e-12 * float(np.abs(truth).max()):
        return math.nan
    return 1.0 - float(np.sum((truth - predicted) ** 2)) / float(
        np.sum((truth - truth.mean()) ** 2)
    )


def displacement_errors(prediction_nt2: AnyArray, target_nt2: AnyArray) -> tuple[Float64, Float64]:
    """For each sample the mean distance over the T points (ADE) and the distance at the last point
    (FDE).

    Args:
        prediction_nt2: predicted paths (N, T, 2) in metres.
        target_nt2: recorded paths of the same shape, in the same frame.

    Returns:
        ADE and FDE, both (N,) in metres.
    """
    difference = np.asarray(prediction_nt2, dtype=np.float64) - np.asarray(
        target_nt2, dtype=np.float64
    )
    distance_nt = np.sqrt(np.sum(difference**2, axis=-1))
    return distance_nt.mean(axis=1), distance_nt[:, -1]
