"""What is shown of a measurement, as rows of text: on a terminal, on a page, and by `inspect`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from auxdrive.bench.limits import FIGURES
from auxdrive.bench.record import BenchReport, BenchRow


@dataclass(frozen=True, slots=True)
class BenchTable:
    """A table of a measurement.

    Attributes:
        title: of the table.
        columns: their heads; those of `text` hold text, as the first does.
        rows: a cell for each column.
        text: heads of the columns that hold text.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: tuple[str, ...] = ()


_TIMES = {
    "p50": "p50_ms", "p90": "p90_ms", "p99": "p99_ms", "p99.9": "p99_9_ms", "worst": "worst_ms",
    "jitter": "jitter_ms",
}  # fmt: skip
_OVERHEAD = {
    "over\nit, us": "overhead_us", "times\np50": "p50_ratio", "times\np99": "p99_ratio",
    "std,\nms": "std_ms",
}  # fmt: skip
_BESIDE = {
    "cold\nstart, s": "cold_start_s", "memory,\nMiB": "memory_mib", "energy,\nmJ": "energy_mj",
    "loop\np99, ms": "loop_p99_ms",
}  # fmt: skip


def tables_of(report: BenchReport) -> Iterator[BenchTable]:
    """The tables of a measurement: times, what is needed beside them, what executed the graph and
    how exactly, and what must not be used here.
    """
    yield _table(report, f"{report.bundle}: from a frame to its command, ms", _TIMES)
    yield _table(report, "beside the bare session", _OVERHEAD, ("bare\np50, ms",))
    yield _table(report, f"fresh processes; a loop at {_rate(report)}", _BESIDE, ("missed",))
    yield _table(report, "what executes it, and how exactly", {}, ("by", "differs by", "limit"))
    others = tuple((row.subject.name, row.state, row.why) for row in report.rows if row.why)
    if others:
        heads = ("runtime", "state", "why")
        yield BenchTable("not to be used here", heads, others, heads[1:])


def _table(
    report: BenchReport, title: str, figures: Mapping[str, str], more: tuple[str, ...] = ()
) -> BenchTable:
    """A row for each runtime that was timed.

    Args:
        report: what was measured.
        title: of the table.
        figures: names in `FIGURES`, by the heads of their columns.
        more: heads of further columns, in `_MORE`.
    """
    rows = tuple(
        (row.subject.name, *_cells(row, figures), *(_MORE[head](row) for head in more))
        for row in report.rows
        if row.latency is not None
    )
    return BenchTable(title, ("runtime", *figures, *more), rows, ("by",))


def machine_rows(report: BenchReport) -> list[tuple[str, str]]:
    """The machine of a measurement, and what else it did: facts and values."""
    facts = {name: value for name, value in report.machine.items() if name != "versions"}
    versions = report.machine.get("versions", {})
    for name, found in versions.items() if isinstance(versions, dict) else ():
        facts[name] = ", ".join(str(each) for each in found if not str(each).endswith(" None"))
    facts |= {f"processors' {name}": value for name, value in report.frequency.items()}
    pinned = {row.pinned for row in report.rows if row.pinned}
    facts["stays on processors"] = "; ".join(", ".join(map(str, each)) for each in sorted(pinned))
    facts["others, in processors"] = _others(report)
    reasons = {why for row in report.rows if row.energy for why in row.energy.why_not}
    facts["no energy"] = "; ".join(sorted(reasons))
    return [(name, str(value)) for name, value in facts.items() if value not in ("", None, [])]


def _cells(row: BenchRow, columns: Mapping[str, str]) -> Iterator[str]:
    for key in columns.values():
        value = FIGURES[key](row)
        yield "" if value is None else short(value)


def _missed(row: BenchRow) -> str:
    return "" if row.loop is None else f"{row.loop.missed} of {row.loop.frames}"


def _exactness(row: BenchRow, *, limit: bool) -> str:
    exact = row.exactness
    return "" if exact is None else f"{exact.limit if limit else exact.worst:.3g} {exact.unit}"


_MORE: Mapping[str, Callable[[BenchRow], str]] = {
    "bare\np50, ms": lambda row: "" if row.bare is None else short(row.bare.p50_ms),
    "missed": _missed,
    "by": lambda row: ", ".join(row.providers),
    "differs by": partial(_exactness, limit=False),
    "limit": partial(_exactness, limit=True),
}


def _rate(report: BenchReport) -> str:
    rates = {row.loop.rate_hz for row in report.rows if row.loop is not None}
    return f"{rates.pop():g} Hz" if rates else "no rate"


def _others(report: BenchReport) -> str:
    load = report.others
    told = {"before": load.before, "during": load.during, "after": load.after}
    return ", ".join(f"{when} {busy:.2f}" for when, busy in told.items() if busy is not None)


def short(value: float) -> str:
    """A number with three digits that count, and no power of ten."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"
