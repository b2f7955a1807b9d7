"""The page of a diagnosis: one file that holds everything it shows."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.html.blocks import (
    Markup,
    beside,
    element,
    figure,
    film_strip,
    folded,
    legend,
    page,
    paragraph,
    section,
    table,
    tiles,
)
from auxdrive.html.document import LARGEST_PAGE, encoded
from auxdrive.inspection.overlay import TARGET
from auxdrive.inspection.palette import css
from auxdrive.storage.publish import write_atomic
from auxdrive.work import counted

from auxdrive_eval.diagnosis.diagnose import Diagnosed, DiagnosedCase, DiagnosedRoute
from auxdrive_eval.diagnosis.kinds import MEANING, Kind
from auxdrive_eval.diagnosis.page.strips import EXPERTS, MODELS, caption_of
from auxdrive_eval.diagnosis.page.tables import CASE_COLUMNS, case_rows, cost_table, names_of
from auxdrive_eval.diagnosis.page.words import title_of
from auxdrive_eval.diagnosis.record import Diagnosis, kinds_there
from auxdrive_eval.report.town_map import Mark, draw_map
from auxdrive_eval.report.view import view_of
from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.simulators.settings import make_simulator

_log = logging.getLogger(__name__)
PAGE_NAME = "diagnosis.html"
OPENED = 2
"""So many cases of each kind are unfolded at first."""
AROUND_M = 25.0
"""So much of the route before and after the car is on the map of a case."""


def write_page(diagnosed: Diagnosed, others: Sequence[Diagnosis]) -> Path:
    """Write `diagnosis.html` into the drive's folder, and return its path.

    Args:
        diagnosed: the drive.
        others: all drives that were diagnosed together, this one too.
    """
    path = Path(diagnosed.diagnosis.path) / PAGE_NAME
    write_atomic(path, encoded(diagnosis_page(diagnosed, others)))
    return path


def diagnosis_page(diagnosed: Diagnosed, others: Sequence[Diagnosis]) -> str:
    """The whole page as one HTML document.

    Args:
        diagnosed: the drive.
        others: all drives that were diagnosed together, this one too.
    """
    diagnosis = diagnosed.diagnosis
    parts: list[object] = [
        paragraph(
            f"Scores of {diagnosis.simulator}, under rule set {diagnosis.rules}: "
            f"{diagnosed.simulator.spec.caveat}.",
            css="notice",
        ),
        *(paragraph(note, css="notice") for note in diagnosis.notes),
        tiles(_tiles(diagnosis)),
        _costs(others),
        *_kinds(diagnosed, _towns(diagnosed)),
        section(
            "All infractions and stops", table(CASE_COLUMNS, case_rows(diagnosis), (1, 2, 3, 4))
        ),
    ]
    subtitle = f"{counted(diagnosis.driven, 'drive')} of {diagnosis.total}"
    return page(f"Why {names_of([diagnosis])[0]} lost its points", parts, subtitle)


def _tiles(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    costs = diagnosis.costs
    yield f"{costs.score:.1f}", "driving score"
    yield f"{costs.forgiven - costs.score:.1f}", "points lost"
    for kind in kinds_there([diagnosis])[:3]:
        points = costs.by_kind.get(kind, 0.0)
        if points > 0.0:
            yield f"{points:.1f}", f"of these by: {kind.value}"
    yield f"{sum(diagnosis.infractions().values())}", "infractions"


def _costs(others: Sequence[Diagnosis]) -> Markup:
    told = cost_table(others)
    meaning = [(kind.value, MEANING[kind]) for kind in Kind]
    return section(
        "What the kinds cost",
        table(told.columns, told.rows),
        *(paragraph(line, css="soft") for line in told.below),
        folded("What the kinds are", table(("kind", "what it is"), meaning, (1,))),
        legend(
            [
                (css(MODELS), "the model's plan"),
                (css(EXPERTS), "the expert's plan, over 2 s"),
                (css(TARGET), "target point"),
            ]
        ),
    )


def _towns(diagnosed: Diagnosed) -> Mapping[str, TownMap]:
    names = {each.route.town for each in diagnosed.routes}
    try:
        with closing(make_simulator(diagnosed.simulator, sensors=False)) as simulator:
            return {name: simulator.town_map(name) for name in sorted(names)}
    except SimulatorError as error:  # a server that is not there any more
        _log.warning("the page has no lanes on its maps: %s", error)
        return {name: TownMap(()) for name in names}


def _kinds(diagnosed: Diagnosed, towns: Mapping[str, TownMap]) -> Iterator[Markup]:
    """A section for each kind, those that cost most first."""
    left = LARGEST_PAGE  # cases for which there is no room are only in the table
    for kind in kinds_there([diagnosed.diagnosis]):
        cases = [
            (each, case)
            for each in diagnosed.routes
            for case in each.cases
            if case.record.kind is kind
        ]
        blocks, untold = [], 0
        for number, (each, case) in enumerate(cases):
            block = _case(each, case, towns[each.route.town], number < OPENED)
            if len(block) > left:
                untold += 1
                continue
            left -= len(block)
            blocks.append(block)
        if untold:
            blocks.append(paragraph(f"{untold} more are in the table: this page has no room left."))
        points = diagnosed.diagnosis.costs.by_kind.get(kind, 0.0)
        title = (
            f"{kind.value[0].upper()}{kind.value[1:]}: {points:.1f} points, "
            f"{counted(len(cases), 'time')}"
        )
        yield section(title, paragraph(MEANING[kind], css="soft"), *blocks)


def _case(each: DiagnosedRoute, case: DiagnosedCase, town: TownMap, opened: bool) -> Markup:
    record, seen = case.record, case.seen
    title = f"#{record.index}, route {record.route_id}, {record.began_s:.1f} s: {title_of(seen)}"
    strip = film_strip(
        (frame, caption_of(seen.case, shot.instant), "")
        for frame, shot in zip(case.frames, seen.shots, strict=True)
        if frame is not None
    )
    said = element(
        "ul", *(element("li", words) for words in (f"Rule: {record.why}.", *record.words))
    )
    return folded(title, strip, beside([figure(_map(each, case, town))], [said]), opened=opened)


def _map(each: DiagnosedRoute, case: DiagnosedCase, town: TownMap) -> Markup:
    """The surroundings of a case, with the path of the seconds before it."""
    trace, record = each.stored.trace, case.record
    within = (trace["time_s"] >= case.seen.case.from_s - 4.0) & (trace["time_s"] <= record.at_s)
    driven = trace[within]
    place = (float(driven["x_m"][-1]), float(driven["y_m"][-1]))
    points = each.route.points
    near = points[np.hypot(*(points - place).T) <= AROUND_M]
    view = view_of(way for way in (near, np.array([place])) if len(way))
    event = case.seen.case.event
    mark = Mark("!", place, None if event is None else event.hit)
    return draw_map(
        town, each.route, driven, [mark], [shot.centre for shot in case.seen.shots], view
    )
