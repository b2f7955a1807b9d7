"""The differences between two groups of results: which results are paired, and what tests and
intervals say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auxdrive.bootstrap import BootstrapDifference, paired_bootstrap
from auxdrive.comparing.base import Measured, Part, Result
from auxdrive.comparing.groups import Group, same_data
from auxdrive.comparing.record import Bootstrap, Difference, MetricKind
from auxdrive.comparing.verdict import verdict
from auxdrive.statistics import PairedDifference, paired_difference, seed_difference

BOOTSTRAP = "paired bootstrap over routes and repeats"


def measured(result: Result, part: Part, name: str) -> Measured:
    """A metric of a result; one without a value where the result has none of that name.

    Args:
        result: that was measured.
        part: of it.
        name: of the metric.
    """
    return result.metrics[part].get(name, Measured(None))


def paired(first: Group, group: Group) -> tuple[list[tuple[Result, Result]], str]:
    """Pair the results of two groups, by seed where each has its own.

    Args:
        first: the first group.
        group: another one.

    Returns:
        The pairs, and why some results have none (empty where all have).
    """
    if first.by_seed and group.by_seed:
        of_first = {result.seed: result for result in first.results}
        of_group = {result.seed: result for result in group.results}
        both = [seed for seed in of_first if seed in of_group]
        alone = sorted(of_first.keys() ^ of_group.keys())
        pairs = [(of_first[seed], of_group[seed]) for seed in both]
        reason = f"no pair for seed {', '.join(map(str, alone))}" if alone else ""
    elif first.by_seed == group.by_seed and len(first.results) == len(group.results):
        pairs, reason = list(zip(first.results, group.results, strict=True)), ""
    else:
        return [], "their results cannot be paired: seeds do not tell them apart"
    equal = [pair for pair in pairs if same_data(*pair)]
    if len(equal) < len(pairs):
        lost = f"{len(pairs) - len(equal)} pair(s) were not measured on the same data or routes"
        reason = f"{reason}; {lost}" if reason else lost
    return equal, reason


def differences_of(
    first: Group, group: Group, part: Part, names: Mapping[str, MetricKind]
) -> Iterator[Difference]:
    """The difference of each metric between a group and the first one.

    Args:
        first: the first group.
        group: another one.
        part: of the results.
        names: the metrics, by name.
    """
    pairs, left_out = paired(first, group)
    for name, kind in names.items():
        both = [(measured(one, part, name), measured(other, part, name)) for one, other in pairs]
        known = [(a, b) for a, b in both if a.value is not None and b.value is not None]
        drawn = _bootstrap(known)
        found, over, reason = _test(known, drawn, "seeds" if first.by_seed else "drives")
        if found is None:
            gap = known[0][1].value - known[0][0].value if known else None  # type: ignore[operator]
            yield Difference(
                group=group.name, against=first.name, metric=name, mean=gap, pairs=len(known),
                reason="; ".join(filter(None, (reason, left_out))),
            )  # fmt: skip
            continue
        yield Difference(
            group=group.name,
            against=first.name,
            metric=name,
            mean=found.mean,
            low=found.low if math.isfinite(found.low) else None,
            high=found.high if math.isfinite(found.high) else None,
            p_value=found.p_value,
            pairs=found.pairs,
            over=over,
            test=found.test,
            is_shown=found.is_shown,
            verdict=verdict(
                found,
                f"'{group.name}'",
                f"'{first.name}'",
                what=f"{kind.unit} of {name}" if kind.unit else f"of {name}",
                over=over,
                higher_is_better=kind.higher_is_better,
            ),
            reason=left_out,
            bootstrap=_shown(drawn),
        )


def _bootstrap(pairs: Sequence[tuple[Measured, Measured]]) -> BootstrapDifference | None:
    """The paired bootstrap of two benchmarks. They have one seed, so that the repeats of a route
    have the same traffic in both. None where there are several pairs, or nothing to draw.
    """
    if len(pairs) != 1:
        return None
    (first, other) = pairs[0]
    one, two = first.over_drives, other.over_drives
    if one is None or two is None or one.above.shape != two.above.shape:
        return None
    if not (math.isfinite(one.value) and math.isfinite(two.value)):
        return None
    return paired_bootstrap(one, two, seed=0)


def _shown(drawn: BootstrapDifference | None) -> Bootstrap | None:
    if drawn is None or drawn.low is None or drawn.high is None:
        return None
    return Bootstrap(low=drawn.low, high=drawn.high, routes=drawn.routes, repeats=drawn.repeats)


def _test(
    pairs: Sequence[tuple[Measured, Measured]], drawn: BootstrapDifference | None, units: str
) -> tuple[PairedDifference | None, str, str]:
    """Test the difference of a metric over pairs of results.

    Args:
        pairs: of the metric, the first group's before the other's.
        drawn: the paired bootstrap; it is the test of a metric that is no mean over routes.
        units: what the pairs are over, in the plural: "seeds".

    Returns:
        The test (None where none can be made), what it is over, and why there is none.
    """
    if not pairs:
        return None, "", "there is no pair"
    if len(pairs) > 1:
        one = np.array([other.value for _, other in pairs], dtype=np.float64)
        return seed_difference(one, np.array([a.value for a, _ in pairs], np.float64)), units, ""
    (first, other) = pairs[0]
    if len(first.parts) == len(other.parts) > 1:
        one = np.array(other.parts, dtype=np.float64)
        return paired_difference(one, np.array(first.parts, np.float64), seed=0), "routes", ""
    if drawn is not None and drawn.low is not None:
        assert drawn.high is not None
        assert drawn.p_value is not None
        assert first.value is not None
        assert other.value is not None
        gap = other.value - first.value  # as the values are written, which may be rounded
        found = PairedDifference(gap, drawn.low, drawn.high, drawn.p_value, drawn.routes, BOOTSTRAP)
        return found, "routes", ""
    if drawn is not None:
        return None, "", "too few routes, or all alike: the bootstrap gives no interval"
    return None, "", "one seed gives no interval and no test; add seeds"
