"""The one rule of when frames follow each other: who cuts recordings into episodes and who judges
episodes both ask here.
"""

from __future__ import annotations

import numpy as np

from auxdrive.types import Float64

GAP_PERIODS = 5.0
"""Between two frames of one episode there are at most so many periods; after a longer gap a new
episode begins.
"""
RATE_TOLERANCE = 0.1
"""Rates that differ by at most this share count as the same: they are measured from clocks that
jitter.
"""


ROUNDING = 1e-3
"""Times of an episode are stored from its beginning on, so a step is there again but for rounding;
who judges it allows this share.
"""


def breaks(step_s: float, rate_hz: float, rounding: float = 0.0) -> bool:
    """Whether frames that are `step_s` apart cannot be of one episode: time stands still, goes
    back, leaps or is no number.
    """
    return not 0 < step_s <= (1 + rounding) * GAP_PERIODS / rate_hz


def same_rate(one_hz: float, other_hz: float) -> bool:
    """Whether two rates agree within `RATE_TOLERANCE` of the larger."""
    return abs(one_hz - other_hz) <= RATE_TOLERANCE * max(one_hz, other_hz)


def period_s(steps_s: Float64) -> float | None:
    """The period of a recording, given its time steps (N,): the median step within episodes; None
    where no step goes forward.

    Pauses are no steps of a camera. Which steps are pauses depends on the rate, so the longer ones
    are left out until none is left: the whole recording and its episodes, cut at this rate, then
    have the same one.
    """
    steps_s = steps_s[steps_s > 0]
    while len(steps_s):
        median_s = float(np.median(steps_s))
        within = steps_s <= (1 + ROUNDING) * GAP_PERIODS * median_s
        if within.all():
            return median_s
        steps_s = steps_s[within]
    return None


def measured_rate_hz(steps_s: Float64) -> float | None:
    """The rate of a recording, by `period_s`."""
    period = period_s(steps_s)
    return None if period is None else 1 / period
