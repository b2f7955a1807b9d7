"""The report of an evaluation: scores, and for each route the drive on the map, what the camera
saw, and what went wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np
from auxdrive.html.blocks import (
    Markup,
    element,
    figure,
    film_strip,
    page,
    paragraph,
    preformatted,
    section,
    table,
    tiles,
)

from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.driving.evaluate import Evaluation
from auxdrive_eval.driving.route_store import StoredRoute, tally_of, what_became
from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.report.town_map import draw_map, speed_legend
from auxdrive_eval.scoring.summary import scores_in_words
from auxdrive_eval.simulators.settings import make_simulator
from auxdrive_eval.world import LaneLine, Point, Route

_KIND_TEXT = {
    EventKind.COLLISION_PEDESTRIAN: "collision with a pedestrian",
    EventKind.COLLISION_VEHICLE: "collision with a vehicle",
    EventKind.COLLISION_LAYOUT: "collision with something that stands",
    EventKind.RED_LIGHT: "red light",
    EventKind.STOP_SIGN: "stop sign",
    EventKind.OUTSIDE_ROUTE_LANES: "outside the lanes",
    EventKind.ROUTE_DEVIATION: "left the route",
    EventKind.ROUTE_TIMEOUT: "out of time",
    EventKind.VEHICLE_BLOCKED: "blocked",
}


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
        section("Routes", _route_table(evaluation)),
        *_route_sections(evaluation),
    ]
    driven = f"{settings.route_count} routes, {settings.repeats} time(s) each; seed {settings.seed}"
    subtitle = f"Driven by {settings.driver}{_how(settings)} on {driven}"
    return page(f"Closed-loop drive ({kind} scores): {settings.driver}", parts, subtitle)


def _route_sections(evaluation: Evaluation) -> list[Markup]:
    with closing(make_simulator(evaluation.settings.simulator, sensors=False)) as simulator:
        return [
            route_section(route, driven, simulator.lanes(route.town))
            for route, driven in zip(evaluation.routes, evaluation.driven, strict=True)
        ]


def _how(settings: EvaluationSettings) -> str:
    """Controller and creeping, in words; nothing for the expert, which has neither."""
    if not settings.driver_sha256:
        return ""
    creeping = (
        "" if settings.creep_after_s is None else f", creeping after {settings.creep_after_s:g} s"
    )
    return f" (controller {settings.controller or 'by what it predicts'}{creeping})"


def summary_parts(evaluation: Evaluation) -> list[Markup]:
    """Driving score, completion and penalty, and the leaderboard's table of infractions."""
    document = evaluation.document
    kind = evaluation.settings.simulator.kind
    (score, label), *others = scores_in_words(document)
    numbers = [(score, f"{kind} {label}"), *others]
    rows = list(zip(document["labels"][3:], document["values"][3:], strict=True))
    note = (
        "Infractions as leaderboard 1.0 counts them: summed over routes, each route's count "
        "divided by its driven kilometres, which are "
        "its completion of the length in the table of routes: that through the keypoints, as "
        "leaderboard 1.0 measures it."
    )
    told = paragraph(what_became(tally_of(evaluation.driven)), css="soft")
    return [
        tiles(numbers),
        told,
        section(
            "Infractions",
            table(("infraction", "per km, summed"), rows),
            paragraph(note, css="soft"),
        ),
    ]


def _route_table(evaluation: Evaluation) -> Markup:
    rows = []
    for route, driven in zip(evaluation.routes, evaluation.driven, strict=True):
        scores, record = driven.record.scores, driven.record
        infractions = sum(len(messages) for messages in record.infractions.values())
        status = element(
            "span", record.status, css="good" if record.status == "Completed" else "bad"
        )
        row = (
            record.index,
            route.route_id,
            route.town,
            status,
            f"{scores.score_composed:.1f}",
            f"{scores.score_route:.1f}",
        )
        rows.append(
            (
                *row,
                f"{scores.score_penalty:.3f}",
                infractions,
                f"{record.meta.route_length:.0f}",
                f"{record.meta.duration_game:.0f}",
            )
        )
    columns = (
        "#",
        "route",
        "town",
        "status",
        "score",
        "completion, %",
        "penalty",
        "infractions",
        "length, m",
        "game time, s",
    )
    return table(columns, rows, text_columns=(2, 3))


def route_section(route: Route, driven: StoredRoute, lanes: Sequence[LaneLine]) -> Markup:
    """One driven route, on the lanes of its town."""
    scores = driven.record.scores
    faults = [event for event in driven.events if event.kind is not EventKind.ROUTE_COMPLETED]
    marks = [(str(number), _place(event, driven)) for number, event in enumerate(faults, start=1)]
    caption = (
        f"Score {scores.score_composed:.1f} = completion {scores.score_route:.1f} x penalty "
        f"{scores.score_penalty:.3f}. "
    )
    parts: list[object] = [paragraph(f"{caption}{driven.record.status}.")]
    parts.append(figure(draw_map(lanes, route, driven.trace, _spread(marks)), speed_legend()))
    parts.append(film_strip((data, f"{time_s:.1f} s", "") for time_s, data in driven.film))
    parts.append(_fault_table(faults) if faults else paragraph("No infraction.", css="good"))
    if told := what_became(driven.tally):
        parts.append(paragraph(told, css="bad"))
    if driven.error:
        parts += [element("h3", "The agent failed"), preformatted(driven.error)]
    return section(f"#{driven.record.index}: route {route.route_id} in {route.town}", *parts)


def _place(event: Event, driven: StoredRoute) -> Point:
    """Where the ego was: a light's or sign's own place may lie off the path."""
    if not len(driven.trace):
        return event.location
    nearest = int(np.argmin(np.abs(driven.trace["time_s"] - event.time_s)))
    return float(driven.trace["x_m"][nearest]), float(driven.trace["y_m"][nearest])


def _spread(marks: Sequence[tuple[str, Point]]) -> list[tuple[str, Point]]:
    """Marks at one place become one mark: '2, 3'."""
    merged: dict[Point, list[str]] = {}
    for label, (x_m, y_m) in marks:
        merged.setdefault((round(x_m / 3) * 3.0, round(y_m / 3) * 3.0), []).append(label)
    return [(", ".join(labels), place) for place, labels in merged.items()]


def _fault_table(faults: Sequence[Event]) -> Markup:
    rows = [
        (
            number,
            _KIND_TEXT[event.kind],
            f"{event.time_s:.1f}",
            f"({event.location[0]:.1f}, {event.location[1]:.1f})",
            event.message,
        )
        for number, event in enumerate(faults, start=1)
    ]
    return table(
        (
            "no.",
            "infraction",
            "time, s",
            "place (x, y left), m",
            "the leaderboard's message (CARLA's frame)",
        ),
        rows,
        text_columns=(1, 4),
    )
