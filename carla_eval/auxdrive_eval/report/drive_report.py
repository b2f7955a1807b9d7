"""The report of an evaluation: scores, and for each route the drive on the map, what the camera
saw, and what went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from auxdrive.html.blocks import (
    Markup,
    element,
    figure,
    page,
    paragraph,
    preformatted,
    section,
    table,
    tiles,
)
from auxdrive.html.document import LARGEST_PAGE

from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.route import StoredRoute, tally_of
from auxdrive_eval.driving.tally import what_became
from auxdrive_eval.report.breakdown import breakdowns, weather_in_words
from auxdrive_eval.report.driver_tables import driver_sections, interventions_of
from auxdrive_eval.report.route_drive import (
    film_of,
    infraction_table,
    infractions_of,
    legend_of,
    map_of,
    scenario_table,
    score_sentence,
    video_of,
    view_of_drives,
)
from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.repeats import scores_in_words
from auxdrive_eval.simulators.settings import make_simulator

LARGEST_VIDEOS = 48 << 20
"""Size of all videos together, as files; a page holds four thirds of it for them."""
NO_VIDEO = Markup()


def drive_report(evaluation: Evaluation) -> str:
    """The whole report as one HTML document."""
    settings = evaluation.settings
    kind = settings.simulator.kind
    parts = [
        paragraph(
            f"These are scores of the simulator '{kind}' under rule set {settings.rules}: "
            f"{settings.simulator.spec.caveat}.",
            css="notice",
        ),
        *summary_parts(evaluation),
        *breakdowns(evaluation),
        section("Routes", _route_table(evaluation)),
        *driver_sections(evaluation),
        *_route_sections(evaluation),
    ]
    driven = f"{settings.route_count} routes, {settings.repeats} time(s) each; seed {settings.seed}"
    subtitle = f"Driven by {settings.driver}{_how(settings)} on {driven}"
    return page(f"Closed-loop drive ({kind} scores): {settings.driver}", parts, subtitle)


def _route_sections(evaluation: Evaluation) -> Iterator[Markup]:
    """The sections of the routes, as many as there is room for on the page; the others are only
    named.
    """
    size, room = 0, LARGEST_VIDEOS
    pairs = list(zip(evaluation.routes, evaluation.driven, strict=True))
    with closing(make_simulator(evaluation.settings.simulator, sensors=False)) as simulator:
        for number, (route, driven) in enumerate(pairs):
            film = video_of(driven, room)
            shown = route_section(route, driven, simulator.town_map(route.town), film)
            size += len(shown) - len(film)
            room -= 3 * len(film) // 4
            if size > LARGEST_PAGE:
                yield paragraph(
                    f"{len(pairs) - number} more routes, from #{driven.record.index} on, stand in "
                    f"the table alone: this page would be larger than {LARGEST_PAGE >> 20} MB. "
                    "Their images and paths are under routes/.",
                    css="notice",
                )
                return
            yield shown


def route_section(
    route: Route, driven: StoredRoute, town: TownMap, film: Markup = NO_VIDEO
) -> Markup:
    """The section of one drive: score, map, film and infractions.

    Args:
        route: as planned.
        driven: the drive.
        town: the map of the route's town.
        film: its video, or what is said of it.
    """
    infractions = infractions_of(driven)
    view = view_of_drives(route, [driven])
    parts: list[object] = [
        paragraph(score_sentence(driven.record.scores, driven.record.status)),
        figure(map_of(town, route, driven, view)),
        legend_of(town, driven, view),
        film,
        film_of(driven),
        scenario_table(driven),
        infraction_table(infractions) if infractions else paragraph("No infraction.", css="good"),
    ]
    if told := what_became(driven.tally):
        parts.append(paragraph(told, css="bad" if driven.tally.braked else "soft"))
    parts.append(interventions_of(driven))
    if driven.error:
        parts += [element("h3", "The agent failed"), preformatted(driven.error)]
    return section(f"#{driven.record.index}: route {route.route_id} in {route.town}", *parts)


def _how(settings: EvaluationSettings) -> str:
    """Controller and creeping in words; empty for the expert, which has neither."""
    if not settings.driver_sha256:
        return ""
    creeping = (
        "" if settings.creep_after_s is None else f", creeping after {settings.creep_after_s:g} s"
    )
    envelope = "" if settings.envelope is None else f", safety envelope ({settings.envelope})"
    return f" (controller {settings.controller or 'by what it predicts'}{creeping}{envelope})"


def summary_parts(evaluation: Evaluation) -> list[Markup]:
    """Driving score, completion and penalty, and the leaderboard's table of infractions."""
    document = evaluation.document
    kind = evaluation.settings.simulator.kind
    (score, label), *others = scores_in_words(document)
    numbers = [(score, f"{kind} {label}"), *others]
    records = [driven.record for driven in evaluation.driven]
    form = RULE_SETS[evaluation.settings.rules].results
    counts = [
        sum(len(record.infractions[key]) for record in records)
        for _, group, key in form.labelled
        if group == "infractions"
    ]
    rows = list(zip(document["labels"][3:], counts, document["values"][3:], strict=True))
    told = paragraph(what_became(tally_of(evaluation.driven)), css="soft")
    return [
        tiles(numbers),
        told,
        section(
            "Infractions",
            table(("infraction", "number", form.rates), rows),
            paragraph(form.rates_note, css="soft"),
        ),
    ]


def _route_table(evaluation: Evaluation) -> Markup:
    rows = []
    for route, driven in zip(evaluation.routes, evaluation.driven, strict=True):
        scores, record = driven.record.scores, driven.record
        good = "good" if record.status == "Completed" else "bad"
        rows.append(
            (
                record.index,
                route.route_id,
                route.town,
                weather_in_words(route.weather),
                f"{record.meta.route_length:.0f}",
                element("span", record.status, css=good),
                f"{scores.score_composed:.1f}",
                f"{scores.score_route:.1f}",
                f"{scores.score_penalty:.3f}",
                sum(len(messages) for messages in record.infractions.values()),
                f"{record.meta.duration_game:.0f}",
            )
        )
    columns = (
        *("no.", "route", "town", "weather", "length, m"),
        *("status", "score", "completion, %", "penalty", "infractions", "time, s"),
    )
    return table(columns, rows, text_columns=(2, 3, 5), groups=(("route", 5), ("drive", 6)))
