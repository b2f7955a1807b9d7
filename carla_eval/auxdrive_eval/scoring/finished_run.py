"""A finished run: its records and events, and what is known beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auxdrive.types import AnyArray

from auxdrive_eval.criteria.base import Event
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import RouteRecord


@dataclass(frozen=True, slots=True)
class FinishedRoute:
    """One route of a finished run.

    Attributes:
        record: as it was written, with the infractions of the rule set by which it was driven.
        events: what its criteria observed; ROUTE_COMPLETED too.
        failure: why something else than the criteria ended it; empty if nothing did.
        exact: whether the percentages of the events are those that were measured; those in messages
            are rounded to two digits.
        beside: what Bench2Drive says of it beside the record.
        planned: the route itself, where it is known: its length can be told in every rule set.
        trace: the driven path (`TRACE_DTYPE`), where it is known.
    """

    record: RouteRecord
    events: tuple[Event, ...]
    failure: str = ""
    exact: bool = False
    beside: Mapping[str, Any] = field(default_factory=dict)
    planned: Route | None = None
    trace: AnyArray | None = None


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run whose routes are scored again.

    Attributes:
        where: the file or folder.
        rules: the rule sets that may have made it.
        routes: in the order of their records.
        total: number of all drives, those that are missing too.
        sensors: the leaderboard's names of the agent's sensors.
        notes: what the reader should know, in words.
        global_record: what the file says of all routes; empty if it says nothing.
    """

    where: str
    rules: tuple[str, ...]
    routes: tuple[FinishedRoute, ...]
    total: int
    sensors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    global_record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside a results file.

    Attributes:
        scenarios: the scenario type of each route, by the route's id in its file of routes; None if
            there is no such file, and then the names in the records are taken.
        junction_share: gives the share of a route at which its first junction is behind the ego, by
            the route's id; None where it is not known, and altogether where there are no maps.
        metric_info: the folder of the agent's `metric_info.json` files; None if there is none.
    """

    scenarios: Mapping[str, str] | None = None
    metric_info: Path | None = None
    junction_share: Callable[[str], float | None] | None = None
