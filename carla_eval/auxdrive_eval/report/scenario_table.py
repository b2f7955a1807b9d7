"""What came of the scenarios on a route."""

from __future__ import annotations

from auxdrive.html.blocks import Markup, element, table

from auxdrive_eval.driving.route_store import StoredRoute
from auxdrive_eval.world import ScenarioOutcome, ScenarioState

_GOOD, _BAD = (ScenarioOutcome.PASSED,), (ScenarioOutcome.COLLISION, ScenarioOutcome.TIMED_OUT)


def scenarios_of(driven: StoredRoute) -> Markup:
    """A row for each scenario; empty where there were none."""
    if not driven.scenarios:
        return Markup()
    columns = ("scenario", "at, m", "began, s", "ended, s", "outcome", "why it was not placed")
    return table(columns, [_row(each) for each in driven.scenarios], text_columns=(0, 4, 5))


def _row(each: ScenarioState) -> tuple[object, ...]:
    numbers = ("" if value is None else f"{value:.1f}" for value in (each.began_s, each.ended_s))
    css = "good" if each.outcome in _GOOD else "bad" if each.outcome in _BAD else "soft"
    return (
        each.kind,
        "" if each.at_m is None else f"{each.at_m:.0f}",
        *numbers,
        element("span", each.outcome.value, css=css),
        each.note,
    )
