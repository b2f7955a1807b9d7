"""Checks of the out-of-distribution score that a bundle's graph gives: it is the one that was
fitted, it looks at the image, and its threshold lets ordinary frames pass.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from auxdrive.bundles import IMAGE_INPUT, Bundle, reference_ood
from auxdrive.checks.parity import Reference, observations
from auxdrive.checks.report import Check
from auxdrive.errors import BundleError
from auxdrive.history import each_earlier
from auxdrive.precisions import FP16, FP32, INT8
from auxdrive.predictor import Predictor
from auxdrive.types import Float64

TOLERANCES = {FP32: 1e-3, FP16: 0.05, INT8: 0.05}
"""How far the score of another implementation may be from the stored one, as a share of it, and of
1 for smaller scores. Right exports in float32 differ by 1e-6 to 1e-5 (sums in another order), in
int8 by 0.004, and by 0.014 where a runtime computes what lies between in 16 bits (OpenVINO).
"""
MOST_FLAGGED = 0.5
"""The largest share of the reference frames, which are held-out ones, that may be flagged."""


def check_ood(
    predictor: Predictor,
    bundle: Bundle,
    reference: Reference,
    changed: list[Reference],
) -> Iterator[Check]:
    """The checks of the score; none for a bundle without one.

    Args:
        predictor: that runs the graph.
        bundle: whose card is held against it.
        reference: the bundle's reference frames.
        changed: the first of these frames with another image (`predictions.perturbed`).

    Raises:
        BundleError: the stored scores do not fit the card.
    """
    precision = predictor.precision
    spec, tolerance = bundle.card.ood_of(precision), TOLERANCES[precision]
    if spec is None:
        return
    stored = _stored(bundle, reference_ood(precision), len(reference.images))
    scores = _scores(predictor, reference)
    apart = float(_relative(scores, stored).max())
    yield Check(
        "ood score",
        apart <= tolerance,
        "out-of-distribution score of the worst reference frame against the fitted one",
        apart,
        tolerance,
        "of the score",
    )
    most = 0.0
    for frames in changed:
        others = _scores(predictor, frames)
        most = max(most, float(_relative(others, scores[: len(others)]).max()))
    yield Check(
        f"ood score depends on {IMAGE_INPUT}",
        tolerance < most,
        "largest change of the out-of-distribution score where the image alone is changed",
        most,
        tolerance,
        "of the score",
    )
    flagged = float(np.mean(~(scores <= spec.threshold)))
    yield Check(
        "ood threshold",
        flagged <= MOST_FLAGGED,
        "share of the reference frames, which are ordinary ones, that the threshold flags",
        flagged,
        MOST_FLAGGED,
    )


def _stored(bundle: Bundle, file: str, frames: int) -> Float64:
    stored = bundle.read_array(file)
    where = bundle.path / file
    if stored.shape != (frames, 1) or stored.dtype != np.float32:
        raise BundleError(
            f"{where}: is {stored.dtype} {stored.shape}, the card says float32 ({frames}, 1); "
            "export the bundle again"
        )
    if not np.isfinite(stored).all() or (stored < 0).any():
        raise BundleError(
            f"{where}: holds scores that are negative or not finite; export the bundle again"
        )
    return np.asarray(stored[:, 0], np.float64)


def _scores(predictor: Predictor, frames: Reference) -> Float64:
    """The scores (N,) of N frames; infinite where one is not finite."""
    given = zip(
        observations(predictor.card, frames.images, frames.ego),
        each_earlier(frames.images),
        strict=True,
    )
    scores = [predictor.predict(each, earlier).ood_score for each, earlier in given]
    return np.array([np.inf if score is None else score for score in scores])


def _relative(scores: Float64, others: Float64) -> Float64:
    """How far scores are apart; infinite where one is not finite."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(scores - others) / np.maximum(np.abs(others), 1.0)
    return np.where(np.isnan(apart), np.inf, apart)
