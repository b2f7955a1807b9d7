"""When frames follow each other without a gap. Recordings are cut into episodes by this rule, and
episodes are checked by it.
"""

from __future__ import annotations

import numpy as np

from auxdrive.types import Float64

GAP_PERIODS = 5.0
"""The longest gap between two frames of one episode, in periods of the recording. After a longer
one a new episode begins.
"""
RATE_TOLERANCE = 0.1
"""Rates that differ by at most this share count as the same, since they are measured by clocks that
jitter.
"""


ROUNDING = 1e-3
"""How far a time step may be off when an episode is checked, as a share. Episodes store times since
their beginning, so steps are rounded.
"""


def breaks(step_s: float, rate_hz: float, rounding: float = 0.0) -> bool:
    """Whether two neighbouring frames cannot be of one episode: time stands still, goes back, leaps
    or is no number.

    Args:
        step_s: the time from one to the next.
        rate_hz: of the recording.
        rounding: how far the step may be off, as a share.
    """
    return not 0 < step_s <= (1 + rounding) * GAP_PERIODS / rate_hz


def same_rate(one_hz: float, other_hz: float) -> bool:
    """Whether two rates agree within `RATE_TOLERANCE` of the larger.

    Args:
        one_hz: frames per second of one recording.
        other_hz: frames per second of another.
    """
    return abs(one_hz - other_hz) <= RATE_TOLERANCE * max(one_hz, other_hz)


def period_s(steps_s: Float64) -> float | None:
    """The period of a recording: its median time step, without pauses.

    Which steps are pauses depends on the rate. So steps that are too long for the median are left
    out until none is. The whole recording and the episodes into which it is cut then have the same
    period.

    Args:
        steps_s: (N,), the times from each frame to the next.

    Returns:
        The period in seconds; None where no step goes forward.
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
    """The rate of a recording, by its `period_s`; None where it has none."""
    period = period_s(steps_s)
    return None if period is None else 1 / period
