"""The metrics of a run's networks by role, as a table: what `auxdrive train` prints at
its end and `auxdrive inspect` shows later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import auxdrive.console as console

Roles = Mapping[str, Mapping[str, float | None]]
Column = tuple[str, Mapping[str, float | None]]


def rounded(value: float | None) -> str:
    """A number for a table: three digits after the point, small ones with two that count; a dash
    where there is none.
    """
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def show_roles(title: str, roles: Roles, floor: Roles | None = None) -> None:
    """Print metrics (rows) of roles (columns); 'all' holds a method's metrics over all roles at
    once, such as an oracle.

    Roles need not have the same metrics: there is no R2 where the labels of a role's samples do
    not vary.

    floor: what needs no network on the same samples, by kind (`constant`, `ego`, `neighbours`); it
    stands in columns of its own.
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
    """The columns in runs that fit the terminal beside the metrics' names: a table that is too wide
    is cut, names and numbers alike.
    """
    part: list[Column] = []
    # of the first column: its name, a space on either side, two borders
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
    """The accuracies that a constant reaches on every sample, as those of 30 and 75 degrees where
    the wheels turn by 25 at most.
    """
    return tuple(
        metric
        for metric, value in floor.get("constant", {}).items()
        if "acc_" in metric and value is not None and value >= 1.0
    )


def sentence_on_thresholds(metrics: Sequence[str]) -> str:
    """What is said of them."""
    return (
        f"a constant is within {', '.join(metrics)} on every sample: on these data they say "
        "nothing, and the mean accuracy counts them too"
    )
