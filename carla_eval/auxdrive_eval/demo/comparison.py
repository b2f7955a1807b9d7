"""One test, and the interval that belongs to it: whether one model drives better than another over
the same routes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from auxdrive.types import Float64

ALPHA = 0.05
EXACT_ROUTES = 12
DRAWN = 9_999


@dataclass(frozen=True)
class Comparison:
    """Student less baseline in driving score, route by route: the mean, the two-sided p-value of
    the sign-flip test that it is zero, and the interval of all gaps that this test at 5 % does not
    refuse (infinite where so few routes refuse nothing).

    Interval and verdict cannot disagree: zero lies outside the interval just where p is below 5 %.
    """

    mean: float
    low: float
    high: float
    p_value: float
    routes: int

    @property
    def verdict(self) -> str:
        """What may be said, and what not."""
        interval = (
            f"95 % interval over {self.routes} routes {self.low:+.1f} to {self.high:+.1f}, p = "
            f"{self.p_value:.3f}"
        )
        gap = f"{self.mean:+.1f} points of driving score ({interval}, both of the sign-flip test)"
        if self.p_value < ALPHA and self.mean > 0:
            return f"The SAMD student drives better than the RGB baseline here: {gap}."
        if self.p_value < ALPHA and self.mean < 0:
            return f"The SAMD student drives worse than the RGB baseline here: {gap}."
        return f"No difference between the SAMD student and the RGB baseline is shown here: {gap}."


def compare(student: Float64, baseline: Float64, seed: int) -> Comparison:
    """The sign-flip test of the paired gaps of two sets of scores, both (routes,), and its
    inversion.

    Under the hypothesis that the gaps scatter evenly about d, each gap less d is as likely with
    either sign. A pattern of signs gives a sum as large as the one found exactly where the mean of
    the gaps that it flips is at most d (Hartigan 1969, "Using subsample values as typical values"),
    so p-value and interval both come from the means of all non-empty subsets of the gaps: of all of
    them up to 12 routes, of 9,999 drawn ones beyond.
    """
    gaps = student - baseline
    means = np.sort(_subset_means(gaps, seed))
    patterns = len(means) + 1
    tail = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    p_value = min(1.0, 2.0 * (1 + int(tail)) / patterns)
    # d is refused where 2 (1 + number of means up to d) / patterns is below 5 %: so many means may
    # lie outside on each side.
    outside = int(np.ceil(ALPHA * patterns / 2 - 1e-9)) - 1
    low, high = (
        (float(means[outside - 1]), float(means[-outside])) if outside > 0 else (-np.inf, np.inf)
    )
    return Comparison(float(gaps.mean()), low, high, p_value, len(gaps))


def _subset_means(gaps: Float64, seed: int) -> Float64:
    n = len(gaps)
    if n <= EXACT_ROUTES:
        chosen = (np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1
    else:
        chosen = np.random.default_rng(seed).integers(0, 2, (DRAWN, n))
        chosen = chosen[chosen.any(axis=1)]
    return np.asarray((chosen @ gaps) / chosen.sum(axis=1), dtype=np.float64)
