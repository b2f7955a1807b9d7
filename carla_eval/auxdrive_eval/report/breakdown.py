"""The results of a benchmark, broken down by what the routes have in common: scenarios, town,
weather.

Legend: N routes, K repeats of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.bootstrap import LEAST_ROUTES, Ratio, ratio_interval
from auxdrive.html.blocks import Markup, element, paragraph, section, table
from auxdrive.types import Float64

from auxdrive_eval.conditions import CLOUDS, FOG, RAIN, condition_of
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import RouteRecord
from auxdrive_eval.scoring.results import ResultForm
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import ScenarioOutcome

HEAVY_RAIN, WET = 60.0, 30.0
"""From these percentages on a weather is called heavy rain, the road wet."""
LOW_SUN_DEG = 20.0
MOST_GROUPS = 60
_SEED = 0


@dataclass(frozen=True, slots=True)
class DrivenRoute:
    """A route with its drives, one for each repeat."""

    route: Route
    drives: tuple[StoredRoute, ...]


@dataclass(frozen=True, slots=True)
class Aspect:
    """What routes may have in common.

    Attributes:
        name: of the aspect, in the singular.
        groups_of: the groups that a route belongs to; none if it has nothing of this kind.
        told: what the reader must know of the groups; empty for nothing.
        came_of: what came of a group's subject on its routes, in words; None where nothing can
            come of it. Such groups are shown though no two routes share one.
    """

    name: str
    groups_of: Callable[[DrivenRoute], Sequence[str]]
    told: str = ""
    came_of: Callable[[str, Sequence[DrivenRoute]], str] | None = None


def weather_in_words(weather: Weather) -> str:
    """A weather in words, such as "rain, low sun", by the limits of this module."""
    if weather.precipitation >= RAIN:
        sky = "heavy rain" if weather.precipitation >= HEAVY_RAIN else "rain"
    elif weather.fog_density >= FOG:
        sky = "fog"
    elif weather.wetness >= WET:
        sky = "wet road"
    else:
        sky = "clouds" if weather.cloudiness >= CLOUDS else "clear"
    if weather.sun_altitude_deg < 0:
        return f"{sky}, night"
    return f"{sky}, low sun" if weather.sun_altitude_deg < LOW_SUN_DEG else f"{sky}, day"


def _scenarios(driven: DrivenRoute) -> tuple[str, ...]:
    """The kinds of scenarios that were set up in some repeat."""
    return tuple(
        scenario.kind
        for drive in driven.drives
        for scenario in drive.scenarios
        if scenario.outcome is not ScenarioOutcome.NOT_PLACED
    )


def _outcomes(kind: str, group: Sequence[DrivenRoute]) -> str:
    """How often each outcome came of a kind of scenario."""
    counts = Counter(
        scenario.outcome.value
        for each in group
        for drive in each.drives
        for scenario in drive.scenarios
        if scenario.kind == kind
    )
    return ", ".join(f"{outcome} {count}" for outcome, count in sorted(counts.items()))


ASPECTS = (
    Aspect(
        "scenario",
        _scenarios,
        "A route stands under each scenario that was set up on it, with all that happened on it.",
        _outcomes,
    ),
    Aspect(
        "condition",
        lambda driven: (condition_of(driven.route.weather),),
        "By the weather at the start of a route: night below 0° of the sun, else rain, fog, a sun "
        "that dazzles, or day, as `auxdrive drive --conditions` names them.",
    ),
    Aspect("town", lambda driven: (driven.route.town,)),
    Aspect(
        "weather",
        lambda driven: (weather_in_words(driven.route.weather),),
        f"Weathers are those at the start of a route: rain from {RAIN:g} % of precipitation on, "
        f"heavy from {HEAVY_RAIN:g} %; else fog from {FOG:g} %, a wet road from {WET:g} %, clouds "
        f"from {CLOUDS:g} %; low sun below {LOW_SUN_DEG:g}°, night below 0°.",
    ),
)
"""In the order in which they stand on the page."""


def breakdowns(evaluation: Evaluation) -> Iterator[Markup]:
    """A section with tables for each aspect by which routes form groups; nothing where each is a
    group of its own.
    """
    routes = driven_routes(evaluation)
    form = RULE_SETS[evaluation.settings.rules].results
    parts: list[object] = []
    for aspect in ASPECTS:
        groups = _groups(aspect, routes)
        everywhere = [name for name, group in groups.items() if len(group) == len(routes) > 1]
        if len(groups) == 1 and everywhere and aspect.came_of is None:
            parts.append(paragraph(f"The {aspect.name} of all routes: {everywhere[0]}."))
        elif (aspect.came_of and groups) or any(len(group) > 1 for group in groups.values()):
            parts += [element("h3", f"By {aspect.name}"), *_tables(aspect, groups, form)]
            parts.append(paragraph(aspect.told, css="soft"))
    if parts:
        yield section("What the routes have in common", *parts, paragraph(_HOW, css="soft"))


_HOW = (
    "In brackets: 95 % intervals, percentiles of a bootstrap over the routes of the group and over "
    f"the repeats of each; none for fewer than {LEAST_ROUTES} routes, or where all are alike. "
    "Infractions per km: all of them, divided by all kilometres driven in the group."
)


def driven_routes(evaluation: Evaluation) -> tuple[DrivenRoute, ...]:
    """The routes of an evaluation, each with its drives."""
    repeats = evaluation.settings.repeats
    return tuple(
        DrivenRoute(evaluation.routes[start], evaluation.driven[start : start + repeats])
        for start in range(0, len(evaluation.driven), repeats)
    )


def _groups(aspect: Aspect, routes: Sequence[DrivenRoute]) -> dict[str, list[DrivenRoute]]:
    groups: dict[str, list[DrivenRoute]] = {}
    for driven in routes:
        for name in dict.fromkeys(aspect.groups_of(driven)):
            groups.setdefault(name, []).append(driven)
    return groups


def _tables(
    aspect: Aspect, groups: dict[str, list[DrivenRoute]], form: ResultForm
) -> Iterator[Markup]:
    """One row for each group; the largest groups where there are too many."""
    largest = sorted(groups, key=lambda name: (-len(groups[name]), name))[:MOST_GROUPS]
    shown = {name: groups[name] for name in sorted(largest)}
    columns = (aspect.name, "routes", "score, of 100", "completion, %", "penalty", "per km")
    heads = (("", 2), ("mean of the drives", 3), ("infractions", 1))
    rows = [_row(name, group) for name, group in shown.items()]
    if aspect.came_of is None:
        yield table(columns, rows, groups=heads)
    else:
        told = [aspect.came_of(name, group) for name, group in shown.items()]
        yield table(
            (*columns, "outcomes"),
            [(*row, words) for row, words in zip(rows, told, strict=True)],
            text_columns=(6,),
            groups=(*heads, ("", 1)),
        )
    yield _numbers(aspect, shown, form)
    if left := len(groups) - len(shown):
        yield paragraph(f"{left} smaller groups are not shown.", css="soft")


def _numbers(aspect: Aspect, groups: dict[str, list[DrivenRoute]], form: ResultForm) -> Markup:
    """How many infractions of each kind there were in each group; kinds that there were."""
    records = {name: list(_records(group)) for name, group in groups.items()}
    kinds = {
        label.removesuffix(" infractions"): key
        for label, part, key in form.labelled
        if part == "infractions"
        and any(each.infractions[key] for given in records.values() for each in given)
    }
    if not kinds:
        return Markup()
    numbers = [
        (name, *(sum(len(each.infractions[key]) for each in given) for key in kinds.values()))
        for name, given in records.items()
    ]
    heads = (("", 1), ("number of infractions", len(kinds)))
    return table((aspect.name, *kinds), numbers, groups=heads)


def _row(name: str, group: Sequence[DrivenRoute]) -> tuple[object, ...]:
    def mean(key: str, digits: int) -> str:
        values = [[getattr(drive.record.scores, key) for drive in each.drives] for each in group]
        return _shown(Ratio.mean(np.array(values)), digits)

    return (
        name,
        len(group),
        mean("score_composed", 1),
        mean("score_route", 1),
        mean("score_penalty", 3),
        _shown(_per_km(group), 2),
    )


def _per_km(group: Sequence[DrivenRoute]) -> Ratio:
    def over_drives(number: Callable[[RouteRecord], float]) -> Float64:
        return np.array(
            [[number(drive.record) for drive in each.drives] for each in group], np.float64
        )

    return Ratio(
        over_drives(lambda record: sum(map(len, record.infractions.values()))),
        over_drives(
            lambda record: record.meta.route_length * record.scores.score_route / 100 / 1000
        ),
    )


def _shown(ratio: Ratio, digits: int) -> str:
    """A metric with its interval."""
    if not np.isfinite(ratio.value):
        return "nothing driven"
    found = ratio_interval(ratio, seed=_SEED)
    text = f"{found.value:.{digits}f}"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _records(group: Sequence[DrivenRoute]) -> Iterator[RouteRecord]:
    return (drive.record for each in group for drive in each.drives)
