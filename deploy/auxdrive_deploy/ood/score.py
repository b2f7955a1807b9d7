"""The out-of-distribution score in NumPy: fitted here, and computed in float64, to which the graph
is compared.

The score of a frame is its squared Mahalanobis distance from the training frames (Lee et al. 2018),
divided by the number of dimensions, so that it is 1 on average over those. What is compared are the
student's features at unit length (Mueller and Hein 2025, "Mahalanobis++": networks give short
features for images that they have not seen, and without the division these lie near the mean), and
the mean of each channel of its first map, which knows of light and contrast. The covariance is
shrunk as by Ledoit and Wolf 2004.

`benchmarks/ood.py` compares this with other scores. Legend: N frames, V numbers that describe one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from auxdrive.errors import DataError
from auxdrive.types import AnyArray, Float64

METHOD = (
    "squared Mahalanobis distance over the dimensions, of the features at unit length and the "
    "channel means of the stem, covariance shrunk as by Ledoit and Wolf"
)
LEAST_SHRINKAGE = 1e-3
LEAST_STD = 1e-3
"""The least standard deviation of a number, as a share of the median one: a number that never
changed in training must not decide alone.
"""


@dataclass(frozen=True)
class OodScore:
    """A fitted score.

    Attributes:
        mean: (V,), of the training frames.
        whitening: (V, V); with it the training frames have unit covariance, up to the shrinkage.
        shrinkage: the share of the covariance that was replaced by the identity matrix.
    """

    mean: Float64
    whitening: Float64
    shrinkage: float

    def of(self, vectors: AnyArray) -> Float64:
        """The scores (N,) in float64.

        Args:
            vectors: (N, V), what describes each frame.
        """
        white = (np.asarray(vectors, np.float64) - self.mean) @ self.whitening
        scores: Float64 = np.mean(white * white, axis=1)
        return scores


def fit(vectors: AnyArray) -> OodScore:
    """Fit the score to training frames.

    Args:
        vectors: (N, V), what describes each frame.

    Raises:
        DataError: there are fewer than two frames, a number is not finite, or all are equal.
    """
    rows = np.asarray(vectors, np.float64)
    if len(rows) < 2 or not np.isfinite(rows).all():
        raise DataError(
            f"an out-of-distribution score needs two frames or more and finite features, got "
            f"{len(rows)} frames"
        )
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    least = LEAST_STD * float(np.median(std[std > 0])) if std.any() else 0.0
    if least == 0.0:
        raise DataError("an out-of-distribution score needs frames that differ; all are alike")
    std = np.maximum(std, least)
    standard = (rows - mean) / std
    covariance = standard.T @ standard / len(rows)
    shrinkage = _shrinkage(standard, covariance)
    shrunk = (1 - shrinkage) * covariance + shrinkage * np.eye(len(mean))
    # With the Cholesky factor L of the covariance, the rows times L^-T have unit covariance.
    whitening = np.linalg.inv(np.linalg.cholesky(shrunk)).T / std[:, None]
    return OodScore(mean, whitening, shrinkage)


def _shrinkage(rows: Float64, covariance: Float64) -> float:
    """Ledoit and Wolf's share, with the identity matrix as the target.

    Args:
        rows: (N, V), of mean zero.
        covariance: (V, V), of the rows.
    """
    count, size = rows.shape
    apart = float(np.sum((covariance - np.eye(size)) ** 2))
    lengths = np.sum(rows * rows, axis=1)
    noise = (float(np.mean(lengths**2)) - float(np.sum(covariance**2))) / count
    return float(np.clip(noise / max(apart, 1e-12), LEAST_SHRINKAGE, 1.0))


def threshold_of(scores: AnyArray, false_alarms: float) -> float:
    """The score that no more than this share of the frames exceed.

    Args:
        scores: (N,), of held-out frames.
        false_alarms: the share.
    """
    return float(np.quantile(np.asarray(scores, np.float64), 1 - false_alarms, method="higher"))


def auroc(ordinary: AnyArray, others: AnyArray) -> float:
    """The area under the ROC curve: the chance that one of the others has a larger score than an
    ordinary frame, ties counted half.

    Args:
        ordinary: (N,), scores.
        others: (M,), scores.

    Examples:
        >>> import numpy as np
        >>> from auxdrive_deploy.ood.score import auroc
        >>> auroc(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
        0.875
    """
    ordered = np.sort(np.asarray(ordinary, np.float64))
    below = np.searchsorted(ordered, others, side="left")
    not_above = np.searchsorted(ordered, others, side="right")
    return float(np.mean(below + not_above) / (2 * len(ordered)))
