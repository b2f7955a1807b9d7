"""What the demo may claim about student and baseline."""

from __future__ import annotations

from auxdrive.comparing.verdict import verdict as sentence
from auxdrive.statistics import PairedDifference


def verdict(difference: PairedDifference) -> str:
    """A sentence about the difference between the driving scores of student and baseline on the
    same routes.
    """
    return sentence(
        difference,
        "The SAMD student",
        "The RGB baseline",
        what="points of driving score",
        over="routes",
        does="drives",
        digits=1,
    )
