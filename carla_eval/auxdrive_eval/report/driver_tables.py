"""How long the driver took, and what its safety envelope did, route by route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from auxdrive.html.blocks import Markup, folded, paragraph, section, table
from auxdrive.types import AnyArray

from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.tally import Intervention
from auxdrive_eval.report.route_drive import driven_m_at

_PERCENTILES = (50, 99, 100)


def driver_sections(evaluation: Evaluation) -> Iterator[Markup]:
    """What there is of latency and safety envelope; nothing for a driver that has neither."""
    pairs = [
        (f"#{driven.record.index}: {route.route_id} in {route.town}", driven)
        for route, driven in zip(evaluation.routes, evaluation.driven, strict=True)
    ]
    if any(len(driven.latency) for _, driven in pairs):
        yield section("Latency", _latency_table(pairs), paragraph(_LATENCY, css="soft"))
    if any(driven.tally.envelope for _, driven in pairs):
        yield section("Safety envelope", _envelope_table(pairs), paragraph(_ENVELOPE, css="soft"))


_LATENCY = (
    "Of each prediction, by the clock of the machine that drove. Driver: from the sensors' frames "
    "to the control; the way to the agent's process and back is in it, and the controller. Model: "
    "what the model says of itself. The simulator waits for the driver, so that these times decide "
    "nothing of the scores; they differ from run to run, and several workers slow each other."
)
_ENVELOPE = (
    "At how many ticks the envelope raised each flag, and in how many stretches of consecutive "
    "ticks; what they mean stands in docs/safety.md. The sections of the routes say when."
)


def _latency_table(pairs: Sequence[tuple[str, StoredRoute]]) -> Markup:
    rows = [
        (name, len(driven.latency), driven.tally.braked, *_percentiles(driven.latency))
        for name, driven in pairs
    ]
    every = np.concatenate([driven.latency for _, driven in pairs])
    braked = sum(driven.tally.braked for _, driven in pairs)
    rows.append(("all", len(every), braked, *_percentiles(every)))
    times = ("p50", "p99", "largest")
    return table(
        ("route", "predictions", "not usable", *times, *times),
        rows,
        groups=(("", 3), ("driver, ms", 3), ("model, ms", 3)),
    )


def _percentiles(latency: AnyArray) -> tuple[str, ...]:
    if not len(latency):
        return ("",) * 2 * len(_PERCENTILES)
    return tuple(
        f"{value:.1f}"
        for name in ("driver_ms", "model_ms")
        for value in np.percentile(latency[name], _PERCENTILES)
    )


def _envelope_table(pairs: Sequence[tuple[str, StoredRoute]]) -> Markup:
    flags = sorted({each.flag for _, driven in pairs for each in driven.interventions})
    rows = [
        (
            name,
            driven.tally.envelope.get("ticks", 0),
            *(_count(driven.interventions, flag) for flag in flags),
        )
        for name, driven in pairs
    ]
    every = [each for _, driven in pairs for each in driven.interventions]
    ticks = sum(driven.tally.envelope.get("ticks", 0) for _, driven in pairs)
    rows.append(("all", ticks, *(_count(every, flag) for flag in flags)))
    return table(("route", "ticks", *flags), rows)


def _count(interventions: Sequence[Intervention], flag: str) -> str:
    spans = [each.ticks for each in interventions if each.flag == flag]
    return f"{sum(spans)} in {len(spans)}" if spans else "0"


def interventions_of(driven: StoredRoute) -> Markup:
    """When the safety envelope of a drive stepped in, folded; empty if it did not."""
    by_flag: dict[str, list[Intervention]] = {}
    for each in driven.interventions:
        by_flag.setdefault(each.flag, []).append(each)
    if not by_flag:
        return Markup()
    rows = []
    for flag, spans in sorted(by_flag.items(), key=lambda item: item[1][0].began_s):
        first, longest = spans[0], max(spans, key=lambda each: each.ticks)
        rows.append(
            (
                flag,
                len(spans),
                sum(each.ticks for each in spans),
                *_where(driven, first),
                *_where(driven, longest),
                f"{longest.ended_s - longest.began_s:.2f}",
            )
        )
    ticks = sum(each.ticks for each in driven.interventions)
    columns = ("flag", "stretches", "ticks", "time, s", "driven, m", "time, s", "driven, m", "s")
    heads = (("", 3), ("first", 2), ("longest, and how long", 3))
    told = f"Safety envelope: {len(driven.interventions)} stretches, {ticks} ticks with a flag"
    return folded(told, table(columns, rows, groups=heads))


def _where(driven: StoredRoute, each: Intervention) -> tuple[str, str]:
    return f"{each.began_s:.1f}", f"{driven_m_at(driven.trace, each.began_s):.0f}"
