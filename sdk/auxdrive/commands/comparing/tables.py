"""The tables of a comparison, for a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auxdrive.comparing.record import Comparison, Difference
from auxdrive.console import printable
from auxdrive.inspection.metric_tables import rounded

Rows = list[tuple[str, ...]]
COLUMNS = ("", "n", "mean", "95 % interval", "difference", "95 % interval", "p")
OF_BENCHMARKS = (*COLUMNS, "bootstrap, 95 %")
"""With the interval over routes and repeats."""


PLANNED = "smallest difference that further drives would show, with a power of 80 %"
PLANNED_COLUMNS = ("", "routes", "repeats", "seeds", "difference", "± on other routes")


@dataclass(frozen=True)
class MetricTable:
    """The table of one metric.

    Attributes:
        title: the metric, and what it was measured on.
        columns: `COLUMNS` or `OF_BENCHMARKS`.
        rows: one for each group, then those of predictions that need no network.
        verdicts: a sentence for each group after the first.
    """

    title: str
    columns: tuple[str, ...]
    rows: Rows
    verdicts: tuple[str, ...]


def metric_tables(found: Comparison, metrics: Sequence[str]) -> list[MetricTable]:
    """A table for each metric.

    Args:
        found: the comparison.
        metrics: names of those to show.
    """
    return [_table(found, metric) for metric in metrics]


def settings_rows(found: Comparison) -> Rows:
    """The settings in which groups differ: a row for each, with a column for each group."""
    return [
        (setting, *(values[group.name] for group in found.groups))
        for setting, values in found.unequal.items()
    ]


def planned_rows(found: Comparison, metrics: Sequence[str]) -> Rows:
    """What the plans would show of some metrics: a row for each group, metric and plan.

    Args:
        found: the comparison.
        metrics: names of those to show.
    """
    return [
        (
            f"{each.group}: {each.metric}",
            str(each.routes),
            str(each.repeats),
            str(each.seeds),
            rounded(each.shown),
            rounded(each.other_routes),
        )
        for each in found.planned
        if each.metric in metrics
    ]


def planned_reasons(found: Comparison, metrics: Sequence[str]) -> list[str]:
    """Why the drives do not tell what a plan would show, or which of them have no pair.

    Args:
        found: the comparison.
        metrics: names of those that are shown.
    """
    chosen = [each for each in found.planned if each.metric in metrics and each.reason]
    return list(dict.fromkeys(f"'{each.group}': {each.reason}" for each in chosen))


def markdown(found: Comparison, metrics: Sequence[str]) -> str:
    """The whole comparison in Markdown.

    Args:
        found: the comparison.
        metrics: names of those to show.
    """
    return "\n".join(_markdown(found, metrics)) + "\n"


def _table(found: Comparison, metric: str) -> MetricTable:
    differences = {each.group: each for each in found.differences if each.metric == metric}
    is_drawn = any(each.bootstrap for each in differences.values())
    rows: Rows = []
    for group in found.groups:
        value = group.metrics[metric]
        rows.append(
            (
                group.name,
                str(len(group.results)),
                rounded(value.value),
                _bounds(value.low, value.high),
                *_difference(differences.get(group.name)),
                *[_bootstrap(differences.get(group.name))] * is_drawn,
            )
        )
    for name, metrics in found.floor.items():
        empty = ("",) * (4 + is_drawn)
        rows.append((f"({name})", "", rounded(metrics.get(metric)), *empty))
    kind = found.metrics[metric]
    told = (metric, f"in {kind.unit}" if kind.unit else "", found.role, _on(found.split))
    better = "higher is better" if kind.higher_is_better else "lower is better"
    verdicts = tuple(each.verdict or _untested(each) for each in differences.values())
    columns = OF_BENCHMARKS if is_drawn else COLUMNS
    return MetricTable(f"{', '.join(filter(None, told))} ({better})", columns, rows, verdicts)


def _on(split: str) -> str:
    return f"on {split}" if split else ""


def _untested(difference: Difference) -> str:
    return (
        f"Nothing can be said of '{difference.group}' against '{difference.against}': "
        f"{difference.reason}."
    )


def _difference(each: Difference | None) -> tuple[str, str, str]:
    if each is None:
        return "", "", ""
    if each.p_value is None:
        return rounded(each.mean), "-", "-"
    return rounded(each.mean), _bounds(each.low, each.high), f"{each.p_value:.3f}"


def _bootstrap(each: Difference | None) -> str:
    if each is None:
        return ""
    return "-" if each.bootstrap is None else _bounds(each.bootstrap.low, each.bootstrap.high)


def _bounds(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{rounded(low)}..{rounded(high)}"


def _markdown(found: Comparison, metrics: Sequence[str]) -> Iterator[str]:
    for table in metric_tables(found, metrics):
        yield f"**{_cell(table.title)}**"
        yield ""
        yield from _lines(table.columns, table.rows)
        yield ""
        yield from (f"- {_cell(sentence)}" for sentence in table.verdicts)
        yield ""
    if rows := planned_rows(found, metrics):
        yield f"**{PLANNED}**"
        yield ""
        yield from _lines(PLANNED_COLUMNS, rows)
        yield ""
        yield from (f"- {_cell(reason)}" for reason in planned_reasons(found, metrics))
        yield ""
    if found.unequal:
        yield "**settings that differ**"
        yield ""
        yield from _lines(("", *(group.name for group in found.groups)), settings_rows(found))
        yield ""
    for path, reason in found.holes.items():
        yield f"- missing: {_cell(path)}: {_cell(reason)}"
    for note in found.notes:
        yield f"- {_cell(note)}"


def _lines(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    yield f"| {' | '.join(map(_cell, columns))} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    """A text that is safe in a cell of a table, since names of folders may hold anything."""
    shown = printable(text.replace("\n", " "))
    for mark in "\\`*_|<>[]":
        shown = shown.replace(mark, f"\\{mark}")
    return shown
