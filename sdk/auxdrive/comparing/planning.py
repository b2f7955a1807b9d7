"""What further drives of two groups would show, by how the differences of these scatter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auxdrive.comparing.base import Part, Result
from auxdrive.comparing.differences import measured, paired
from auxdrive.comparing.groups import Group, same_data
from auxdrive.comparing.record import MetricKind, PlannedDifference
from auxdrive.errors import DataError
from auxdrive.power import Plan, error_by_routes, scatter_of, smallest_shown
from auxdrive.types import Float64


def planned_of(
    first: Group,
    group: Group,
    part: Part,
    names: Mapping[str, MetricKind],
    plans: Sequence[Plan],
) -> Iterator[PlannedDifference]:
    """The smallest difference that each plan would show, for each metric that is a mean over
    drives.

    Args:
        first: the first group.
        group: another one.
        part: of the results.
        names: the metrics, by name.
        plans: what might be driven.
    """
    pairs, left_out = paired(first, group)
    for name in names:
        if not all(is_mean(one, part, name) and is_mean(other, part, name) for one, other in pairs):
            continue
        for plan in plans:
            shown, other_routes, reason = None, None, left_out
            try:
                scatter = scatter_of(_differences(pairs, part, name))
                shown = smallest_shown(scatter, plan)
                other_routes = error_by_routes(scatter, plan)
            except DataError as error:
                reason = str(error)
            yield PlannedDifference(
                group=group.name, against=first.name, metric=name, routes=plan.routes,
                repeats=plan.repeats, seeds=plan.seeds, shown=shown, other_routes=other_routes,
                reason=reason,
            )  # fmt: skip


def is_mean(result: Result, part: Part, name: str) -> bool:
    """Whether a metric of a result is the mean of one number per drive.

    Args:
        result: that was measured.
        part: of it.
        name: of the metric.
    """
    found = measured(result, part, name)
    return bool(found.parts) and found.over_drives is not None


def _differences(pairs: Sequence[tuple[Result, Result]], part: Part, name: str) -> Float64:
    """(S, N, K), what the other of each pair has more on each drive.

    Raises:
        DataError: there is no pair, or not all pairs drove the same routes.
    """
    if not pairs:
        raise DataError("no drive of one group has a partner on the same routes in the other")
    if not all(same_data(pairs[0][0], one) for one, _ in pairs):
        raise DataError("each pair drove routes of its own: give drives of the same routes")
    found = []
    for one, other in pairs:
        before, after = (measured(each, part, name).over_drives for each in (one, other))
        assert before is not None
        assert after is not None
        found.append(after.above - before.above)
    return np.stack(found)
