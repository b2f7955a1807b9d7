"""A drive on the map of its town, in SVG: lanes, signals, the planned route, the driven path
coloured by speed, and where each infraction began.

Legend: places are in the world frame, metres; y points down in the drawing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from auxdrive.geometry import simplified
from auxdrive.html.blocks import Markup, legend
from auxdrive.inspection.palette import GROUND, INK, LANE, LINE, RAMP_CSS, ROUTE, css
from auxdrive.types import AnyArray, Float64

from auxdrive_eval.report import signs
from auxdrive_eval.report.marks import offsets_of_badges
from auxdrive_eval.report.view import HEIGHT_PX, WIDTH_PX, View, view_of
from auxdrive_eval.road_maps.town_map import LaneLine, StopLine, TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.world import Point

SPEED_STEP_MPS = 2.0
SPEED_COLOURS = RAMP_CSS
"""From standing to fast."""
SAME_PLACE_PX = 8.0
ON_THE_WAY_M = 2.2
"""Signals are shown if the middle of their stop line is nearer to the route or the path
than this.
"""
_IN_PIXELS = 'vector-effect="non-scaling-stroke"'
SCALES_M = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class Mark:
    """An infraction on the map.

    Attributes:
        label: its number.
        place: where the car was when it began.
        hit: the position of what was hit.
    """

    label: str
    place: Point
    hit: Point | None = None


def path_of(trace: AnyArray) -> Float64:
    """The driven path (N, 2) of a trace, `TRACE_DTYPE` (N,)."""
    return np.stack([trace["x_m"], trace["y_m"]], axis=1)


def draw_map(
    town: TownMap,
    route: Route,
    trace: AnyArray,
    marks: Sequence[Mark] = (),
    film: Sequence[Point] = (),
    view: View | None = None,
) -> Markup:
    """The drawing.

    Args:
        town: see `auxdrive_eval.simulators.base.Simulator.town_map`.
        route: as planned; its dense points are drawn as a dashed line.
        trace: `TRACE_DTYPE` (N,), one row for each tick; with fewer than two no path is drawn.
        marks: the infractions.
        film: where the images of the film were taken, in the world frame, metres.
        view: the part of the town to show; None is the surroundings of route and path.
    """
    driven = path_of(trace)
    view = view or view_of((route.points, driven))
    unit_m = view.unit_m
    low_x, high_y = float(view.low[0]), float(view.high[1])
    box = f"{low_x:.1f} {-high_y:.1f} {WIDTH_PX * unit_m:.1f} {HEIGHT_PX * unit_m:.1f}"
    start = (float(route.points[0, 0]), float(route.points[0, 1]))
    goal = (float(route.points[-1, 0]), float(route.points[-1, 1]))
    parts = [
        f'<rect x="{low_x:.1f}" y="{-high_y:.1f}" width="100%" height="100%" fill="{GROUND}"/>',
        *_lanes(town.lanes, view),
        *_stop_lines((*town.lights, *town.stop_signs), view),
        _line(route.points, ROUTE, "planned", 2, unit_m, 'stroke-dasharray="7"'),
        *_coloured_path(driven, trace["speed_mps"], unit_m),
        *(signs.placed(signs.FILM, place, unit_m) for place in film),
        *_signals(town, view),
        signs.placed(signs.start(float(route.yaw_rad[0])), start, unit_m),
        signs.placed(signs.GOAL, goal, unit_m),
        *(signs.placed(signs.HIT, mark.hit, unit_m) for mark in marks if mark.hit),
        *_badges(marks, np.concatenate([route.points, driven]), view),
        _scale_bar(view),
    ]
    size = f'width="{WIDTH_PX}" height="{HEIGHT_PX}" viewBox="{box}"'
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="map" {size} role="img" '
        f'aria-label="map of the drive" font-family="sans-serif">{"".join(parts)}</svg>'
    )


def map_legend(town: TownMap, marks: Sequence[Mark], film: bool, view: View) -> Markup:
    """What the signs and colours of a map mean. Only signs that the map contains are listed.

    Args:
        town: as for `draw_map`.
        marks: the infractions that the map shows.
        film: whether the map marks images of the film.
        view: the part of the town that the map shows.
    """
    there = {
        "film": film,
        "infraction": bool(marks),
        "hit": any(mark.hit for mark in marks),
        "light": bool(_on_the_way(town.lights, view)),
        "stop sign": bool(_on_the_way(town.stop_signs, view)),
        "stop line": bool(town.lights or town.stop_signs),
    }
    return _legend(name for name in _SIGNS if there.get(name, True))


def whole_legend() -> Markup:
    """What all signs and colours of maps mean."""
    return _legend(_SIGNS)


_SIGNS = {
    "start": (signs.start(0.0), "start"),
    "goal": (signs.GOAL, "goal"),
    "route": (signs.PLANNED, "planned route"),
    "film": (signs.FILM, "image of the film"),
    "infraction": (signs.badge("1"), "infraction, where it began"),
    "hit": (signs.HIT, "what was hit"),
    "light": (signs.LIGHT, "traffic light on the way"),
    "stop sign": (signs.STOP_SIGN, "stop sign on the way"),
    "stop line": (signs.STOP_LINE, "stop line"),
}


def _legend(names: Iterable[str]) -> Markup:
    shown = ((name, *_SIGNS[name]) for name in names)
    keys = [
        (signs.key(sign, middle=(12.0, 20.0 if name == "goal" else 12.0)), meaning)
        for name, sign, meaning in shown
    ]
    path = [
        (signs.key(signs.driven(colour), 28, middle=(14.0, 12.0)), speed)
        for colour, speed in zip(SPEED_COLOURS, _speeds(), strict=True)
    ]
    return legend([*keys, *path])


def _speeds() -> Iterator[str]:
    """The classes of speed, in words."""
    for low_mps in (SPEED_STEP_MPS * i for i in range(len(SPEED_COLOURS) - 1)):
        yield f"{'driven at ' * (low_mps == 0)}{low_mps:.0f} to {low_mps + SPEED_STEP_MPS:.0f} m/s"
    yield f"{SPEED_STEP_MPS * (len(SPEED_COLOURS) - 1):.0f} m/s and more"


def _lanes(lanes: Iterable[LaneLine], view: View) -> Iterator[str]:
    """One SVG path for all lanes of the same width."""
    by_width: dict[float, list[str]] = {}
    for centreline, width_m in lanes:
        if view.shows(centreline):
            points = simplified(centreline, view.unit_m / 2)
            by_width.setdefault(width_m, []).append(
                "M" + "L".join(f"{x:.1f} {-y:.1f}" for x, y in points)
            )
    for width_m, drawn in by_width.items():
        yield (
            f'<path d="{"".join(drawn)}" fill="none" stroke="{LANE}" stroke-width="{width_m:.2f}" '
            'stroke-linejoin="round"/>'
        )


def _stop_lines(lines: Iterable[StopLine], view: View) -> Iterator[str]:
    drawn = [
        f"M{left[0]:.1f} {-left[1]:.1f}L{right[0]:.1f} {-right[1]:.1f}"
        for left, right in lines
        if view.shows(np.array([left, right]))
    ]
    if drawn:
        yield f'<path d="{"".join(drawn)}" stroke="{LINE}" stroke-width="2.5" {_IN_PIXELS}/>'


def _on_the_way(lines: Iterable[StopLine], view: View) -> list[StopLine]:
    """The stop lines that the route or a path crosses."""
    points = np.concatenate(view.ways)
    middles = [(line, (np.array(line[0]) + line[1]) / 2) for line in lines]
    return [
        line
        for line, middle in middles
        if np.hypot(*(points - middle).T).min() <= ON_THE_WAY_M and view.shows(middle[None])
    ]


def _signals(town: TownMap, view: View) -> Iterator[str]:
    """Lights and stop signs along the way, at the right end of their stop lines."""
    for lines, sign in ((town.lights, signs.LIGHT), (town.stop_signs, signs.STOP_SIGN)):
        for left, right in _on_the_way(lines, view):
            x, y = (np.array(right) - left) / max(np.hypot(*(np.array(right) - left)), 1e-9) * 13.0
            moved = f'<g transform="translate({x:.0f} {-y:.0f})">{sign}</g>'
            yield signs.placed(moved, right, view.unit_m)


def _coloured_path(driven: Float64, speed_mps: AnyArray, unit_m: float) -> Iterator[str]:
    """Segments of one colour each, on one dark line. Neighbouring segments share a point, so that
    the path has no gaps.
    """
    if len(driven) < 2:
        return
    round_ends = 'stroke-linecap="round" stroke-linejoin="round"'
    yield _line(driven, css(INK), "edge", 8, unit_m, round_ends)
    classes = np.clip(speed_mps // SPEED_STEP_MPS, 0, len(SPEED_COLOURS) - 1).astype(int)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(classes)) + 1, [len(classes)]))
    for first, end in pairwise(starts):
        colour = SPEED_COLOURS[classes[first]]
        yield _line(driven[first : end + 1], colour, "driven", 6, unit_m, round_ends)


def _line(points: Float64, colour: str, what: str, width_px: int, unit_m: float, more: str) -> str:
    """A line whose width is in pixels. `what` is its kind, since small maps draw some kinds
    differently.
    """
    path = " ".join(f"{x:.1f},{-y:.1f}" for x, y in simplified(points, unit_m / 2))
    return (
        f'<polyline class="{what}" points="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="{width_px}" {_IN_PIXELS} {more}/>'
    )


def _badges(marks: Sequence[Mark], seen: Float64, view: View) -> Iterator[str]:
    """Marks at the same place share a badge: '2, 3'."""
    merged: list[tuple[list[str], Point]] = []
    for mark in marks:
        for labels, other in merged:
            if math.dist(mark.place, other) <= SAME_PLACE_PX * view.unit_m:
                labels.append(mark.label)
                break
        else:
            merged.append(([mark.label], mark.place))
    if not merged:
        return
    texts = [", ".join(labels) for labels, _ in merged]
    places = view.pixels(np.array([place for _, place in merged]))
    widths = np.array([signs.badge_width(text) for text in texts])
    hits = [mark.hit for mark in marks if mark.hit]
    points = view.pixels(np.concatenate([seen, np.array(hits).reshape(-1, 2)]))
    offsets = offsets_of_badges(places, widths, points, (WIDTH_PX, HEIGHT_PX))
    for text, (_, at), (x, y) in zip(texts, merged, offsets.tolist(), strict=True):
        yield signs.placed(signs.badge(text, (x, y)), at, view.unit_m)


def _scale_bar(view: View) -> str:
    """A scale bar of a round length, at most a fifth of the map's width."""
    unit_m = view.unit_m
    metres = max(
        (scale for scale in SCALES_M if scale <= WIDTH_PX * unit_m / 5), default=SCALES_M[0]
    )
    x, y = float(view.low[0]) + 16 * unit_m, float(view.low[1]) + 16 * unit_m
    bar = f"M{x:.1f} {-y - 6 * unit_m:.2f}v{6 * unit_m:.2f}h{metres}v{-6 * unit_m:.2f}"
    line = f'<path d="{bar}" fill="none" stroke="{css(INK)}" stroke-width="2" {_IN_PIXELS}/>'
    text = f'<text x="2" y="-9" font-size="14" fill="{css(INK)}" {signs.HALO}>{metres} m</text>'
    return line + signs.placed(text, (x, y), unit_m)
