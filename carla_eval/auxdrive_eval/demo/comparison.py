"""What the demo may say of student and baseline, and what not."""

from __future__ import annotations

from auxdrive.statistics import PairedDifference


def verdict(difference: PairedDifference) -> str:
    """The sentence on the student's driving scores less the baseline's over the same routes."""
    interval = (
        f"95 % interval over {difference.pairs} routes {difference.low:+.1f} to "
        f"{difference.high:+.1f}, p = {difference.p_value:.3f}"
    )
    gap = f"{difference.mean:+.1f} points of driving score ({interval}, both of the sign-flip test)"
    if difference.is_shown and difference.mean > 0:
        return f"The SAMD student drives better than the RGB baseline here: {gap}."
    if difference.is_shown and difference.mean < 0:
        return f"The SAMD student drives worse than the RGB baseline here: {gap}."
    return f"No difference between the SAMD student and the RGB baseline is shown here: {gap}."
