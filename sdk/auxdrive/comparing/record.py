"""What `auxdrive compare --json` prints."""

from __future__ import annotations

from auxdrive.strict import Strict


class MetricKind(Strict):
    """What a metric is.

    Attributes:
        unit: of its values.
        higher_is_better: whether more of it is better.
    """

    unit: str
    higher_is_better: bool


class GroupMetric(Strict):
    """A metric of a group.

    Attributes:
        value: the mean over its results; None where one of them has no number.
        low: where the mean's 95 % interval over seeds begins; None for a single seed.
        high: where it ends.
        values: of each result, in the order of `ComparedGroup.results`.
    """

    value: float | None
    low: float | None
    high: float | None
    values: tuple[float | None, ...]


class Source(Strict):
    """A result of a group.

    Attributes:
        path: its folder.
        unit: what it counts as, such as "seed 0".
        seed: its own.
    """

    path: str
    unit: str
    seed: int


class ComparedGroup(Strict):
    """Results that differ in the seed alone, or that were put together.

    Attributes:
        name: the group's.
        results: what it holds.
        metrics: by name.
    """

    name: str
    results: tuple[Source, ...]
    metrics: dict[str, GroupMetric]


class Difference(Strict):
    """A group's metric less the first group's, over pairs.

    Attributes:
        group: whose metric it is.
        against: the first group.
        metric: its name.
        mean: over the pairs; None where there are none.
        low: where the 95 % interval begins; None where it has no bound.
        high: where it ends; likewise.
        p_value: of the test that there is no difference; None where there is no test.
        pairs: how many there are.
        over: what they are: seeds, drives or routes.
        test: its name; empty where there is none.
        is_shown: whether the test shows a difference.
        verdict: what may be said of it; empty where there is no test.
        reason: why there is no test, or which results have no pair.
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


class Comparison(Strict):
    """Results held against each other.

    Attributes:
        what: kind of the results: "runs", "drives".
        split: of runs, on which they were measured.
        role: of runs, which of their networks.
        metrics: by name what each is.
        main_metrics: those by which results are judged.
        groups: in the order in which they were given.
        differences: of each further group from the first, for every metric.
        floor: by kind what needs no network reached on the same data as the first group.
        unequal: the settings in which groups differ, with each group's value.
        holes: by folder why a result that should stand there does not.
        notes: what a reader must know.
    """

    what: str
    split: str
    role: str
    metrics: dict[str, MetricKind]
    main_metrics: tuple[str, ...]
    groups: tuple[ComparedGroup, ...]
    differences: tuple[Difference, ...]
    floor: dict[str, dict[str, float]]
    unequal: dict[str, dict[str, str]]
    holes: dict[str, str]
    notes: tuple[str, ...]
