"""What the demo may claim about its two students."""

from __future__ import annotations

from auxdrive.comparing.verdict import verdict as sentence
from auxdrive.statistics import PairedDifference


def verdict(difference: PairedDifference) -> str:
    """A sentence about the difference between the driving scores of the student and the first one
    on the same routes.
    """
    return sentence(
        difference,
        "The student",
        "The first student",
        what="points of driving score",
        over="routes",
        does="drives",
        digits=1,
    )
