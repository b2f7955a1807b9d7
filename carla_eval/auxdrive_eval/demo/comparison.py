"""What the demo may say of student and baseline, and what not."""

from __future__ import annotations

from auxdrive.comparing.verdict import verdict as sentence
from auxdrive.statistics import PairedDifference


def verdict(difference: PairedDifference) -> str:
    """The sentence on the student's driving scores less the baseline's over the same routes."""
    return sentence(
        difference,
        "The SAMD student",
        "The RGB baseline",
        what="points of driving score",
        over="routes",
        does="drives",
        digits=1,
    )
