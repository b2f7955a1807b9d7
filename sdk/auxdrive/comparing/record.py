"""The record of a comparison, which `auxdrive compare --json` prints."""

from __future__ import annotations

from auxdrive.strict import Strict


class MetricKind(Strict):
    """What a metric is.

    Attributes:
        unit: of its values.
        higher_is_better: whether larger values are better.
    """

    unit: str
    higher_is_better: bool


class GroupMetric(Strict):
    """A metric of a group.

    Attributes:
        value: the mean over the group's results; None where one of them has no number.
        low: lower end of the mean's 95 % interval over seeds; None for a single seed.
        high: upper end, likewise.
        values: those of the results, in the order of `ComparedGroup.results`.
    """

    value: float | None
    low: float | None
    high: float | None
    values: tuple[float | None, ...]


class Source(Strict):
    """A result of a group.

    Attributes:
        path: its folder.
        unit: what to call it: "seed 0".
        seed: its seed.
    """

    path: str
    unit: str
    seed: int


class ComparedGroup(Strict):
    """A group: results that differ only in the seed, or that the user put together.

    Attributes:
        name: of the group.
        results: that it holds.
        metrics: by name.
    """

    name: str
    results: tuple[Source, ...]
    metrics: dict[str, GroupMetric]


class Bootstrap(Strict):
    """The 95 % interval of a difference between two benchmarks by the paired bootstrap: routes are
    drawn, and of each drawn route its repeats, which have the same traffic in both.

    Attributes:
        low: lower end.
        high: upper end.
        routes: number of routes.
        repeats: how often each was driven.
    """

    low: float
    high: float
    routes: int
    repeats: int


class Difference(Strict):
    """The difference of a metric between a group and the first group, over pairs of results.

    Attributes:
        group: the group's name.
        against: the first group's name.
        metric: its name.
        mean: the group's metric less the first group's, on average; None where there is no pair.
        low: lower end of the 95 % interval; None where it has no bound.
        high: upper end, likewise.
        p_value: of the test that there is no difference; None where there is no test.
        pairs: how many there are.
        over: what the pairs are: seeds, drives or routes.
        test: its name; empty where there is none.
        is_shown: whether the test shows a difference.
        verdict: the sentence that the test allows; empty where there is no test.
        reason: why there is no test, or which results have no pair.
        bootstrap: of two benchmarks, the interval over their routes and repeats; None where there
            is none.
    """

    group: str
    against: str
    metric: str
    mean: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    pairs: int = 0
    over: str = ""
    test: str = ""
    is_shown: bool = False
    verdict: str = ""
    reason: str = ""
    bootstrap: Bootstrap | None = None


class PlannedDifference(Strict):
    """What a plan of further drives would show of the difference between a group and the first one,
    by how the differences of these drives scatter (`auxdrive.power`).

    Attributes:
        group: the group's name.
        against: the first group's name.
        metric: its name.
        routes: number of planned routes.
        repeats: how often each is driven.
        seeds: number of planned models of each group, of as many seeds.
        shown: the smallest true difference that the test at 5 % finds in 80 % of such comparisons,
            in the metric's unit; None where these drives do not tell.
        other_routes: standard error by which the difference on other routes differs, which the test
            over seeds does not know; None likewise.
        reason: why these drives do not tell, or which results have no pair.
    """

    group: str
    against: str
    metric: str
    routes: int
    repeats: int
    seeds: int
    shown: float | None
    other_routes: float | None
    reason: str = ""


class Comparison(Strict):
    """A comparison of results.

    Attributes:
        what: the results are: "runs", "drives".
        split: for runs, on which they were measured.
        role: for runs, which of their networks.
        metrics: what each metric is, by its name.
        main_metrics: the names of those by which results are judged.
        groups: in the order in which they were given.
        differences: of each further group from the first, for every metric.
        planned: what the plans that were asked for would show, for every metric that is a mean over
            drives.
        floor: the metrics of predictions that need no network on the first group's data, by kind.
        unequal: the settings in which groups differ, with the value of each group.
        holes: for each folder without the result that it should have, the reason.
        notes: what a reader must know.
    """

    what: str
    split: str
    role: str
    metrics: dict[str, MetricKind]
    main_metrics: tuple[str, ...]
    groups: tuple[ComparedGroup, ...]
    differences: tuple[Difference, ...]
    planned: tuple[PlannedDifference, ...]
    floor: dict[str, dict[str, float]]
    unequal: dict[str, dict[str, str]]
    holes: dict[str, str]
    notes: tuple[str, ...]
