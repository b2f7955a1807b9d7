"""One drive of a route as pages show it: its infractions in the order in which they began, the map,
the film, and the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.html.blocks import Markup, figure, film_strip, paragraph, table, video
from auxdrive.types import AnyArray

from auxdrive_eval.criteria import KIND_TEXT, Event, EventKind
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import VIDEO
from auxdrive_eval.report.town_map import Mark, draw_map, map_legend, path_of
from auxdrive_eval.report.view import View, view_of
from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import Scores
from auxdrive_eval.world import Point


@dataclass(frozen=True, slots=True)
class Infraction:
    """An infraction: where and when it began.

    Attributes:
        number: counted from 1 in the order of time.
        event: what the criterion reported.
        time_s: game time.
        driven_m: the distance that the car had driven.
        place: of the car's centre.
    """

    number: int
    event: Event
    time_s: float
    driven_m: float
    place: Point

    @property
    def what(self) -> str:
        """The infraction in words."""
        return KIND_TEXT[self.event.kind]

    @property
    def mark(self) -> Mark:
        """The infraction's mark on the map."""
        return Mark(str(self.number), self.place, self.event.hit)


def driven_m_at(trace: AnyArray, time_s: float) -> float:
    """The distance that the car had driven at a time.

    Args:
        trace: `TRACE_DTYPE` (N,), one row for each tick; the distance is 0 without rows.
        time_s: game time since the route began; before the first row it counts as the first, after
            the last as the last.

    Returns:
        Metres along the path of the car's centre.
    """
    if not len(trace):
        return 0.0
    return float(np.interp(time_s, trace["time_s"], cumulative_length(path_of(trace))))


def infractions_of(driven: StoredRoute) -> tuple[Infraction, ...]:
    """The infractions of a drive."""
    found = [event for event in driven.events if event.kind is not EventKind.ROUTE_COMPLETED]
    return tuple(
        Infraction(
            number,
            event,
            event.began_s,
            driven_m_at(driven.trace, event.began_s),
            _place(event, driven.trace),
        )
        for number, event in enumerate(sorted(found, key=lambda event: event.began_s), start=1)
    )


def _place(event: Event, trace: AnyArray) -> Point:
    """Where the car was. (The event's own location may be that of a light or sign beside
    the path.)
    """
    if event.began is not None:
        return event.began.location
    return _place_at(trace, event.time_s) if len(trace) else event.location


def _place_at(trace: AnyArray, time_s: float) -> Point:
    nearest = int(np.argmin(np.abs(trace["time_s"] - time_s)))
    return float(trace["x_m"][nearest]), float(trace["y_m"][nearest])


def view_of_drives(route: Route, drives: Sequence[StoredRoute]) -> View:
    """The part of the map that shows a route and all drives of it.

    Args:
        route: as planned.
        drives: of this route, by any drivers.
    """
    return view_of((route.points, *(path_of(drive.trace) for drive in drives)))


def map_of(town: TownMap, route: Route, driven: StoredRoute, view: View | None = None) -> Markup:
    """The drive on the map of its town.

    Args:
        town: the map of the route's town.
        route: as planned.
        driven: the drive.
        view: the part of the town to show; None is the surroundings of route and drive.
    """
    view = view or view_of_drives(route, [driven])
    marks = [found.mark for found in infractions_of(driven)]
    return draw_map(town, route, driven.trace, marks, _film_places(driven), view)


def legend_of(town: TownMap, driven: StoredRoute, view: View) -> Markup:
    """The legend of a drive's map.

    Args:
        town: as for `map_of`.
        driven: the drive.
        view: the part of the town that the map shows.
    """
    marks = [found.mark for found in infractions_of(driven)]
    return map_legend(town, marks, bool(driven.film), view)


def _film_places(driven: StoredRoute) -> list[Point]:
    if not len(driven.trace):
        return []
    return [_place_at(driven.trace, time_s) for time_s, _ in driven.film]


def film_of(driven: StoredRoute) -> Markup:
    """What the camera saw. Images of infractions show their numbers."""
    infractions = infractions_of(driven)
    shots = []
    for time_s, data in driven.film:
        here = [found for found in infractions if found.time_s == time_s]
        where = f"{driven_m_at(driven.trace, time_s):.0f}\u00a0m, {time_s:.1f}\u00a0s"
        what = ", ".join(dict.fromkeys(found.what for found in here))
        shots.append(
            (
                data,
                f"{what}: {where}" if here else where,
                ", ".join(str(found.number) for found in here),
            )
        )
    return film_strip(shots)


def video_of(driven: StoredRoute, room: int) -> Markup:
    """The drive's video, or where it stands if the page has no room for it; empty without one.

    Args:
        driven: the drive.
        room: how many bytes of videos the page may still hold.
    """
    content = driven.file(VIDEO)
    if content is None:
        return Markup()
    size = f"{len(content) / 1e6:.1f} MB"
    if len(content) > room:
        where = f"routes/{driven.record.index:05d}/{VIDEO}"
        return paragraph(f"The video ({size}) is in {where}: this page has no room for it.")
    told = f"the drive as a video ({size}): the plan in orange, the target point in purple"
    return figure(video(content, f"drive #{driven.record.index}"), told)


def scenario_table(driven: StoredRoute) -> Markup:
    """What came of the scenarios on the route; empty without any."""
    if not driven.scenarios:
        return Markup()
    rows = [
        (
            each.kind,
            each.name,
            "" if each.at_m is None else f"{each.at_m:.0f}",
            "" if each.began_s is None else f"{each.began_s:.1f}",
            "" if each.ended_s is None else f"{each.ended_s:.1f}",
            f"{each.outcome.value}{': ' * bool(each.note)}{each.note}",
        )
        for each in driven.scenarios
    ]
    columns = ("scenario", "name", "along the route, m", "began, s", "ended, s", "outcome")
    return table(columns, rows, text_columns=(1, 5))


def score_sentence(scores: Scores, status: str) -> str:
    """How the score of a route was computed, in a sentence.

    Args:
        scores: of the drive.
        status: of its record, such as 'Completed'; it stands after the numbers.
    """
    return (
        f"Driving score {scores.score_composed:.1f} of 100 = route completion "
        f"{scores.score_route:.1f} % × penalty factor {scores.score_penalty:.3f}. {status}."
    )


def infraction_table(infractions: Sequence[Infraction]) -> Markup:
    """Each infraction, with its message."""
    rows = [
        (
            found.number,
            found.what,
            f"{found.time_s:.1f}",
            f"{found.driven_m:.0f}",
            f"{found.place[0]:.1f}",
            f"{found.place[1]:.1f}",
            found.event.message,
        )
        for found in infractions
    ]
    return table(
        ("no.", "infraction", "time, s", "driven, m", "x, m", "y, m", "in CARLA's frame, y right"),
        rows,
        text_columns=(1, 6),
        groups=(("", 2), ("where and when it began", 4), ("the rule set's message", 1)),
    )
