"""The one rule of when frames follow each other: who cuts recordings into episodes and who judges episodes both ask here."""

from __future__ import annotations

import numpy as np

from auxdrive.types import Float64

GAP_PERIODS = 5.0
"""Between two frames of one episode there are at most so many periods; after a longer gap a new episode begins."""
RATE_TOLERANCE = 0.1
"""Rates that differ by at most this share count as the same: they are measured from clocks that jitter."""


def breaks(step_s: float, rate_hz: float) -> bool:
    """Whether frames that are `step_s` apart cannot be of one episode: time stands still, goes back, leaps or is no number."""
    return not 0 < step_s <= GAP_PERIODS / rate_hz


def same_rate(one_hz: float, other_hz: float) -> bool:
    """Whether two rates agree within `RATE_TOLERANCE` of the larger."""
    return abs(one_hz - other_hz) <= RATE_TOLERANCE * max(one_hz, other_hz)


def measured_rate_hz(steps_s: Float64) -> float | None:
    """The rate of the median step, of the steps (N,) of all episodes of a recording that go forward; None where none does."""
    forward = steps_s[steps_s > 0]
    return 1 / float(np.median(forward)) if len(forward) else None
