"""The sentence that a statistical test allows on a difference."""

from __future__ import annotations

import math

from auxdrive.statistics import PairedDifference


def verdict(
    difference: PairedDifference,
    one: str,
    other: str,
    *,
    what: str,
    over: str,
    does: str = "is",
    higher_is_better: bool = True,
    digits: int = 3,
) -> str:
    """The sentence on the difference between two things. It claims a difference only if the test
    shows one, and gives the interval of that same test.

    Args:
        difference: of a metric, the first thing's less the other's.
        one: the first thing, as a sentence begins with it.
        other: the other thing.
        what: the metric's unit or name: "points of driving score".
        over: what the pairs are, in the plural: "seeds", "routes".
        does: the verb before "better".
        higher_is_better: whether larger values of the metric are better.
        digits: after the decimal point.
    """
    low, high = (_bound(value, digits) for value in (difference.low, difference.high))
    gap = (
        f"{difference.mean:+.{digits}f} {what} (95 % interval over {difference.pairs} {over} "
        f"{low} to {high}, p = {difference.p_value:.3f}, both of the {difference.test})"
    )
    if not difference.is_shown:
        return f"No difference between {_within(one)} and {_within(other)} is shown here: {gap}."
    better = (difference.mean > 0) == higher_is_better
    return f"{one} {does} {'better' if better else 'worse'} than {_within(other)} here: {gap}."


def _bound(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}" if math.isfinite(value) else ("-" if value < 0 else "+") + "∞"


def _within(name: str) -> str:
    """A name as it stands within a sentence and not at its beginning."""
    return f"the{name[3:]}" if name.startswith("The ") else name
