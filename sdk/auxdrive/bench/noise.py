"""Why measured times may not be trusted: what else the machine did meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auxdrive.bench.record import BenchRow, OtherLoad

MOST_OTHERS = 0.1
"""Processors that others may keep busy."""
MOST_STOLEN = 0.02
MOST_PREEMPTED = 0.01
"""The share of calls in which the process may lose its processor."""
MOST_SCATTER = 0.25
"""How far the medians of the rounds may lie apart, as a share of the least."""


def noise_in(load: OtherLoad, rows: Iterable[BenchRow]) -> Iterator[str]:
    """A sentence for each reason not to trust the times.

    Args:
        load: what others did.
        rows: what was measured.
    """
    for when, busy in (("before", load.before), ("during", load.during), ("after", load.after)):
        if busy is not None and busy > MOST_OTHERS:
            yield f"{when} the measurement others kept {busy:.2f} processors busy"
    if load.stolen is not None and load.stolen > MOST_STOLEN:
        yield f"the host of this virtual machine took {load.stolen:.2f} processors for others"
    for row in rows:
        yield from _of_row(row)


def _of_row(row: BenchRow) -> Iterator[str]:
    if row.latency is None:
        return
    name, calls = row.subject.name, row.latency.calls
    if row.preempted is not None and row.preempted > MOST_PREEMPTED * calls:
        yield f"{name}: its process lost the processor {row.preempted} times in {calls} calls"
    medians = row.latency.rounds_p50_ms
    if max(medians) > (1 + MOST_SCATTER) * min(medians):
        yield (
            f"{name}: the medians of its rounds lie between {min(medians):.3g} and "
            f"{max(medians):.3g} ms"
        )
    if row.not_pinned:
        yield f"{name}: its process stays on no processor: {row.not_pinned}"
