"""The page of a measurement: its tables, and the times of all calls as charts. It needs Jinja2."""

from __future__ import annotations

import math
from collections.abc import Iterator

from auxdrive.bench.figures import nines, shares_of
from auxdrive.bench.record import BenchReport, Latency
from auxdrive.bench.tables import BenchTable, machine_rows, short, tables_of
from auxdrive.html.blocks import Markup, element, page, paragraph, section, table, tiles
from auxdrive.html.charts import Line, line_chart

_NINES = "1 of 10 calls is slower at 1, of 100 at 2, ..."


def bench_page(report: BenchReport) -> str:
    """The page of a measurement."""
    width, height = report.camera
    parts: list[object] = [
        paragraph(f"Times {report.path}. Camera: {width} x {height}.", "soft"),
        tiles(_best(report)),
    ]
    if report.noise:
        told = "; ".join(report.noise)
        parts.append(paragraph(f"This was not a quiet machine: {told}.", "notice"))
    parts += [section(each.title, _drawn(each)) for each in tables_of(report)]
    parts.append(section("Times of all calls", _charts(report)))
    machine = BenchTable("machine", ("fact", "value"), tuple(machine_rows(report)), ("value",))
    parts.append(section("Machine", _drawn(machine)))
    parts.append(paragraph(f"SHA-256 of the card: {report.bundle_sha256}", "soft"))
    return page(
        f"{report.bundle}: how long it takes", parts, f"{report.time}, auxdrive {report.auxdrive}"
    )


def _best(report: BenchReport) -> Iterator[tuple[str, str]]:
    right = [(row.latency, row) for row in report.rows if row.latency and row.state == "measured"]
    if not right:
        return
    latency, row = min(right, key=lambda each: each[0].p50_ms)
    yield row.subject.name, "the fastest that gives the bundle's predictions"
    yield f"{short(latency.p50_ms)} ms", "its median"
    yield f"{short(latency.p99_ms)} ms", "99 of 100 calls"
    if row.cold_start is not None:
        yield f"{short(row.cold_start.seconds)} s", "from the import to the first command"
    if row.memory_mib is not None:
        yield f"{short(row.memory_mib)} MiB", "memory of its process"


def _drawn(each: BenchTable) -> Markup:
    texts = [place for place, head in enumerate(each.columns) if head in each.text]
    return table(each.columns, each.rows, texts)


def _charts(report: BenchReport) -> Markup:
    whole = {row.subject.name: row.latency for row in report.rows if row.latency}
    bare = {row.subject.name: row.bare for row in report.rows if row.bare}
    rounds = [
        Line(name, tuple(enumerate(each.rounds_p50_ms, start=1))) for name, each in whole.items()
    ]
    charts = (
        line_chart("From a frame to its command, ms", _curves(whole), _NINES),
        line_chart("The bare session, ms", _curves(bare), _NINES),
        line_chart("The median of each round, ms", rounds, "round"),
    )
    return element("div", *charts, css="charts")


def _curves(found: dict[str, Latency]) -> list[Line]:
    return [Line(name, tuple(_curve(each))) for name, each in found.items()]


def _curve(latency: Latency) -> Iterator[tuple[float, float]]:
    """The times by how few calls take longer; the worst stands where one call does."""
    *body, worst = latency.curve_ms
    for share, time_ms in zip(shares_of(latency.calls), body, strict=True):
        yield nines(share), time_ms
    yield math.log10(latency.calls), worst
