"""What a reproduction finds: figures beside the paper's, and claims that hold or do not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from auxdrive.cards import Interval
from auxdrive.statistics import seed_interval
from auxdrive.strict import Strict
from pydantic import Field

Budget = Literal["quick", "standard", "full"]
"""Five minutes, an hour, or as long as it takes, on two cores."""
BUDGETS: tuple[Budget, ...] = ("quick", "standard", "full")


class Figure(Strict):
    """A number of the paper, and ours.

    Attributes:
        name: what it is of.
        paper: what the paper printed; None where it printed nothing.
        ours: the mean over the repetitions, with its 95 % interval.
        runs: how many repetitions.
        agrees: whether the two differ by no more than two standard errors of their difference, if
            the paper's mean is of as many repetitions as it says; None where that is not known.
    """

    name: str
    paper: float | None
    ours: Interval
    runs: int
    agrees: bool | None = None


class Claim(Strict):
    """Something that the paper says.

    Attributes:
        claim: in words.
        paper: the paper's numbers for it.
        ours: ours.
        interval: the 95 % interval of the number that decides.
        holds: True where the whole interval is on the claim's side, False where it is on the other;
            None where neither is shown.
    """

    claim: str
    paper: str
    ours: str
    interval: tuple[float, float] | None
    holds: bool | None


class Curve(Strict):
    """A line of a plot.

    Attributes:
        name: of the line.
        points: x, and the mean.
    """

    name: str
    points: tuple[tuple[float, float], ...]


class Plot(Strict):
    """A plot.

    Attributes:
        title: what is shown, with its unit.
        x_label: below the horizontal axis.
        curves: the lines.
    """

    title: str
    x_label: str
    curves: tuple[Curve, ...]


class Findings(Strict):
    """All that a reproduction finds, as its JSON file holds it.

    Attributes:
        name: as in `REPRODUCTIONS`.
        title: of the paper's table.
        budget: how much was spent.
        figures: number by number.
        claims: one by one.
        plots: of the page.
        notes: what a reader must know.
        settings: by which everything was trained.
        runs: how many runs were trained.
        seconds: that their training took, all together.
        where: machine, versions and commit.
    """

    name: str
    title: str
    budget: Budget
    figures: tuple[Figure, ...]
    claims: tuple[Claim, ...]
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    settings: dict[str, str] = Field(default={})
    runs: int = 0
    seconds: float = 0.0
    where: dict[str, str] = Field(default={})


def figure(
    name: str,
    paper: float | None,
    values: Sequence[float],
    unit: str = "%",
    paper_runs: int | None = None,
) -> Figure:
    """A figure of one value for each repetition.

    Args:
        name: what it is of.
        paper: the paper's mean.
        values: ours.
        unit: of both.
        paper_runs: of how many repetitions the paper's mean is, if it says so.
    """
    ours, agrees = seed_interval(values, unit), None
    if paper is not None and paper_runs and len(values) > 1:
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        error = math.sqrt(variance / len(values) + variance / paper_runs)
        agrees = abs(ours.value - paper) <= 2 * error
    return Figure(name=name, paper=paper, ours=ours, runs=len(values), agrees=agrees)


def above(
    claim: str, paper: str, differences: Sequence[float], unit: str = "points", least: float = 0.0
) -> Claim:
    """The claim that a difference is above a bound, by its paired values.

    Args:
        claim: in words.
        paper: the paper's numbers.
        differences: one for each repetition.
        unit: of the differences.
        least: the bound.
    """
    found = seed_interval(differences, unit)
    return Claim(
        claim=claim,
        paper=paper,
        ours=told(found),
        interval=None if found.low is None or found.high is None else (found.low, found.high),
        holds=None if found.low is None or found.high is None else _side(found, least),
    )


def below(
    claim: str, paper: str, differences: Sequence[float], unit: str = "points", most: float = 0.0
) -> Claim:
    """The claim that a difference is below a bound; as `above`.

    Args:
        claim: in words.
        paper: the paper's numbers.
        differences: one for each repetition.
        unit: of the differences.
        most: the bound.
    """
    turned = above(claim, paper, [-each for each in differences], unit, -most)
    low_high = None if turned.interval is None else (-turned.interval[1], -turned.interval[0])
    return turned.model_copy(
        update={"interval": low_high, "ours": told(seed_interval(differences, unit))}
    )


def told(found: Interval) -> str:
    """An interval in words."""
    text = f"{found.value:+.1f}" if found.unit == "points" else f"{found.value:.3g}"
    bounds = "" if found.low is None else f" [{found.low:.3g}, {found.high:.3g}]"
    return f"{text}{bounds} {found.unit}".rstrip()


def differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """One minus the other, pair by pair.

    Args:
        one: a value for each repetition.
        other: likewise.
    """
    return [a - b for a, b in zip(one, other, strict=True)]


def curve(name: str, values: Mapping[float, Sequence[float]]) -> Curve:
    """A line of means.

    Args:
        name: of the line.
        values: by place, one for each repetition.
    """
    return Curve(
        name=name, points=tuple((x, sum(each) / len(each)) for x, each in sorted(values.items()))
    )


def _side(found: Interval, bound: float) -> bool | None:
    if found.low is not None and found.low > bound:
        return True
    if found.high is not None and found.high < bound:
        return False
    return None
