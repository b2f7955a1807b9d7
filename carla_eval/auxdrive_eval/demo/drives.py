"""The demo's drives: every driver on the same routes, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from auxdrive.html.blocks import Markup, beside, element, figure, folded, paragraph, swatch, table
from auxdrive.html.document import LARGEST_PAGE
from auxdrive.inspection.palette import REFERENCE, SERIES

from auxdrive_eval.demo.settings import DRIVERS
from auxdrive_eval.demo.stages import Demo
from auxdrive_eval.driving.expert_name import EXPERT
from auxdrive_eval.driving.stored.merge import read_shard
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.report.route_drive import film_of, infractions_of, map_of, view_of_drives
from auxdrive_eval.report.town_map import whole_legend
from auxdrive_eval.report.view import View
from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.settings import make_simulator

COLOURS = {
    **dict(zip((name for name in DRIVERS if name != EXPERT), SERIES, strict=False)),
    EXPERT: REFERENCE,
}
"""Each driver's colour, on the whole page."""

Drives = Mapping[str, StoredRoute]
"""The drives of one route, by the driver's name."""


def drives_section(demo: Demo) -> Iterator[Markup]:
    """The scores of all routes, followed by each route with the maps, films and infractions of all
    drivers.

    Raises:
        DataError: the record of a drive is damaged.
    """
    shards = {name: read_shard(demo.out / "drives" / name) for name in DRIVERS}
    first = shards[DRIVERS[0]]
    routes = first.routes
    drives = [
        {name: shard.driven[index][0] for name, shard in shards.items()}
        for index in range(len(routes))
    ]
    yield _scores(routes, drives)
    yield paragraph(
        "Below, each route as all of them drove it; a click shows a route. All maps of a route "
        "show the same part of its town."
    )
    yield whole_legend()
    size = 0
    with closing(make_simulator(first.settings.simulator, sensors=False)) as simulator:
        for number, (route, driven) in enumerate(zip(routes, drives, strict=True)):
            shown = _route(route, driven, simulator.town_map(route.town), opened=number == 0)
            size += len(shown)
            if size > LARGEST_PAGE:
                yield paragraph(
                    f"{len(routes) - number} more routes are on the drivers' own pages alone.",
                    css="notice",
                )
                break
            yield shown
    links = Markup(", ").join(
        Markup('<a href="drives/{0}/report.html">{0}</a>').format(name) for name in DRIVERS
    )
    yield element("p", "Each driver's own page has larger maps and all infractions:", links)


def _scores(routes: Sequence[Route], drives: Sequence[Drives]) -> Markup:
    rows = []
    for route, driven in zip(routes, drives, strict=True):
        row: list[object] = [route.route_id]
        for drive in driven.values():
            scores = drive.record.scores
            row += [f"{scores.score_composed:.1f}", len(infractions_of(drive))]
        rows.append(row)
    heads = ("score, of 100", "infractions") * len(DRIVERS)
    return table(("route", *heads), rows, groups=(("", 1), *((name, 2) for name in DRIVERS)))


def _route(route: Route, driven: Drives, town: TownMap, opened: bool) -> Markup:
    view = view_of_drives(route, list(driven.values()))
    scores = ", ".join(
        f"{name} {drive.record.scores.score_composed:.1f}" for name, drive in driven.items()
    )
    title = f"Route {route.route_id} in {route.town}. Driving scores, of 100: {scores}"
    columns = [_drive(name, route, drive, town, view) for name, drive in driven.items()]
    return folded(title, beside(*columns), opened=opened)


def _drive(
    name: str, route: Route, drive: StoredRoute, town: TownMap, view: View
) -> tuple[Markup, ...]:
    record = drive.record
    found = [f"{each.number} {each.what}" for each in infractions_of(drive)]
    infractions = f" Infractions: {', '.join(found) or 'none'}."
    good = "good" if record.status == "Completed" else "bad"
    return (
        element("h3", swatch(COLOURS[name]), name),
        paragraph(f"{record.scores.score_composed:.1f} of 100, {record.meta.duration_game:.0f} s"),
        figure(map_of(town, route, drive, view)),
        film_of(drive),
        element("p", element("span", f"{record.status}.", css=good), infractions),
    )
