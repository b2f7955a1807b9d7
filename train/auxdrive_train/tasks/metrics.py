"""Metrics of steering and paths, and intervals: plain NumPy in float64, no torch.

Steering accuracy and mAcc: AML, Table 1 and appendix. ADE, FDE: the usual average and final
displacement error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from auxdrive.cards import Interval
from auxdrive.errors import DataError
from auxdrive.types import AnyArray, Float64

STEERING_THRESHOLDS_DEG = (1.5, 3.0, 7.5, 15.0, 30.0, 75.0)


def steering_accuracies(error_deg: AnyArray) -> dict[str, float]:
    """Share of samples with |error| < tau for each threshold (`acc_1.5` ... `acc_75`) and their
    mean (`macc`), 0..1.
    """
    absolute = np.abs(np.asarray(error_deg, dtype=np.float64))
    accuracies = {f"acc_{tau:g}": float(np.mean(absolute < tau)) for tau in STEERING_THRESHOLDS_DEG}
    return {**accuracies, "macc": mean_accuracy(list(accuracies.values()))}


def mean_accuracy(accuracies: Sequence[float]) -> float:
    """mAcc: the mean of the accuracies at the six thresholds."""
    if len(accuracies) != len(STEERING_THRESHOLDS_DEG):
        raise DataError(
            f"mAcc is the mean of {len(STEERING_THRESHOLDS_DEG)} accuracies, got {len(accuracies)}"
        )
    return float(np.mean(np.asarray(accuracies, dtype=np.float64)))


def higher_is_better(metric: str) -> bool:
    """Whether more of a metric is better, by its name: shares (`acc_...`, `macc`) and `r2` are,
    errors are not.
    """
    name = metric.removeprefix("steer_")
    return name.startswith("acc_") or name in ("macc", "r2")


def r2_score(prediction: AnyArray, target: AnyArray) -> float:
    """Coefficient of determination, 1 - SS_res / SS_tot; NaN where the targets do not vary, since
    it is undefined there.
    """
    predicted, truth = (
        np.asarray(prediction, dtype=np.float64),
        np.asarray(target, dtype=np.float64),
    )
    # The mean of equal numbers is not always that number: deviations of its rounding are none.
    if float(np.ptp(truth)) <= 1e-12 * float(np.abs(truth).max()):
        return math.nan
    return 1.0 - float(np.sum((truth - predicted) ** 2)) / float(
        np.sum((truth - truth.mean()) ** 2)
    )


def displacement_errors(prediction_nt2: AnyArray, target_nt2: AnyArray) -> tuple[Float64, Float64]:
    """Per sample (N,): the mean distance over the T points (ADE) and the distance at the last
    (FDE), metres.
    """
    difference = np.asarray(prediction_nt2, dtype=np.float64) - np.asarray(
        target_nt2, dtype=np.float64
    )
    distance_nt = np.sqrt(np.sum(difference**2, axis=-1))
    return distance_nt.mean(axis=1), distance_nt[:, -1]


def seed_interval(values: Sequence[float], unit: str = "") -> Interval:
    """Mean of one value per seed with its two-sided 95 % t-interval; no bounds for a single seed.

    Raises:
        DataError: no values, or one that is not finite.
    """
    sample = _finite(values)
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(value=mean, unit=unit)
    half = (
        student_t_quantile(0.975, sample.size - 1)
        * float(sample.std(ddof=1))
        / math.sqrt(sample.size)
    )
    return Interval(value=mean, low=mean - half, high=mean + half, unit=unit)


def bootstrap_interval(
    values: AnyArray,
    *,
    groups: AnyArray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    unit: str = "",
) -> Interval:
    """Mean of per-sample values (N,) with the percentile bootstrap's 95 % interval (Efron 1979).

    Args:
        values: one number per sample.
        groups: (N,) labels, such as episode numbers; whole groups are drawn, because neighbouring
            frames are not independent and an interval over single frames is too narrow. None draws
            single samples. No bounds for a single group.
        resamples: the number of resamples.
        seed: of the resampling.
        unit: of the values.

    Raises:
        DataError: no values, one that is not finite, or `groups` of another length.
    """
    sample = _finite(values)
    labels = np.arange(sample.size) if groups is None else np.asarray(groups)
    if labels.shape != sample.shape:
        raise DataError(
            f"bootstrap_interval needs one group per value: {labels.shape} groups for "
            f"{sample.shape} values"
        )
    _, group_of = np.unique(labels, return_inverse=True)
    sums = np.bincount(group_of, weights=sample)
    counts = np.bincount(group_of).astype(np.float64)
    mean = float(sample.mean())
    if sums.size == 1:
        return Interval(value=mean, unit=unit)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for i in range(resamples):
        drawn = rng.integers(sums.size, size=sums.size)
        means[i] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(value=mean, low=float(low), high=float(high), unit=unit)


def _finite(values: AnyArray | Sequence[float]) -> Float64:
    sample = np.asarray(values, dtype=np.float64).reshape(-1)
    if sample.size == 0 or not np.isfinite(sample).all():
        raise DataError(
            f"an interval needs at least one value and finite ones alone, got {sample.size} values"
        )
    return sample


def student_t_cdf(t: float, degrees: int) -> float:
    """P(T <= t) of Student's t with a whole number of degrees of freedom (Abramowitz and Stegun
    26.7.3, 26.7.4).
    """
    theta = math.atan(abs(t) / math.sqrt(degrees))
    cosine2 = math.cos(theta) ** 2
    odd = degrees % 2 == 1
    term = math.cos(theta) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine2 * (k - 1) / k
        total += term
    within = 2.0 / math.pi * (theta + math.sin(theta) * total) if odd else math.sin(theta) * total
    return 0.5 + math.copysign(0.5 * within, t)


def student_t_quantile(probability: float, degrees: int) -> float:
    """The t below which a share `probability` lies; bisection, because scipy is no dependency of
    training.

    Raises:
        DataError: a probability outside 0..1 (both excluded), or less than one degree of freedom.
    """
    if not 0.0 < probability < 1.0 or degrees < 1:
        raise DataError(
            f"no t quantile for probability {probability} and {degrees} degrees of freedom"
        )
    low, high = -1.0, 1.0
    while student_t_cdf(low, degrees) > probability:
        low *= 2.0
    while student_t_cdf(high, degrees) < probability:
        high *= 2.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (
            (middle, high) if student_t_cdf(middle, degrees) < probability else (low, middle)
        )
    return 0.5 * (low + high)
