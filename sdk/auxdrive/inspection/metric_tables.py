"""Tables of a run's metrics by role, as `auxdrive train` prints them at its end and `auxdrive
inspect` later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import auxdrive.console as console

Roles = Mapping[str, Mapping[str, float | None]]
Column = tuple[str, Mapping[str, float | None]]


def rounded(value: float | None) -> str:
    """A number for a table: with three digits after the point, or two significant ones where it is
    small; a dash where there is none.
    """
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def show_roles(title: str, roles: Roles, floor: Roles | None = None) -> None:
    """Print a table with a row for each metric and a column for each role. Roles need not have the
    same metrics: there is no R2 where the labels of a role's samples do not vary.

    Args:
        title: of the table.
        roles: metrics by role. The role 'all' stands for metrics that a method computes over all
            roles together, such as those of an oracle.
        floor: the metrics of predictions that need no network, by kind (`constant`, `ego`,
            `neighbours`); each kind has a column of its own.
    """
    floor = floor or {}
    metrics = dict.fromkeys(metric for measured in roles.values() for metric in measured)
    columns = [*roles.items(), *((f"({kind})", measured) for kind, measured in floor.items())]
    for part in _side_by_side(columns, max(map(len, metrics), default=0)):
        rows = [
            (metric, *(rounded(measured.get(metric)) for _, measured in part)) for metric in metrics
        ]
        console.table(title, ("", *(name for name, _ in part)), rows)
    empty = thresholds_that_say_nothing(floor)
    if empty:
        console.note(f"{title}: {sentence_on_thresholds(empty)}")


def _side_by_side(columns: Sequence[Column], longest: int) -> Iterator[Sequence[Column]]:
    """Divide columns into groups that fit the terminal, since a table that is too wide would be
    cut.

    Args:
        columns: to divide.
        longest: the length of the longest name in the first column.
    """
    part: list[Column] = []
    # less the first column: its longest name, a space on either side, two borders
    width = room = console.stdout.width - longest - 4
    for column in columns:
        needed = max(len(column[0]), *(len(rounded(value)) for value in column[1].values()), 1) + 3
        if part and needed > room:
            yield part
            part, room = [], width
        part.append(column)
        room -= needed
    if part:
        yield part


def thresholds_that_say_nothing(floor: Roles) -> tuple[str, ...]:
    """The accuracies that say nothing, because a constant prediction reaches them on every sample:
    those of 30 and 75 degrees do, where the wheels turn by 25 at most.

    Args:
        floor: the metrics of predictions that need no network, by kind.
    """
    return tuple(
        metric
        for metric, value in floor.get("constant", {}).items()
        if "acc_" in metric and value is not None and value >= 1.0
    )


def sentence_on_thresholds(metrics: Sequence[str]) -> str:
    """The sentence on accuracies that say nothing, by their names."""
    return (
        f"a constant is within {', '.join(metrics)} on every sample: on these data they say "
        "nothing, and the mean accuracy counts them too"
    )
