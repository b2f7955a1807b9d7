"""A drive on the map of its town, as SVG: lanes, route, driven path coloured by speed, numbered
places of infractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.html.blocks import Markup, escape
from auxdrive.inspection.palette import RAMP_CSS
from auxdrive.types import AnyArray, Float64

from auxdrive_eval.world import LaneLine, Point, Route

MARGIN_M = 25.0
LANE_COLOUR, GROUND_COLOUR, ROUTE_COLOUR, MARK_COLOUR = "#c9cfd8", "#eef1f5", "#3b4656", "#b3261e"
# From standing to fast.
SPEED_COLOURS = RAMP_CSS
SPEED_STEP_MPS = 2.0
_PIXELS = 900


def draw_map(
    lanes: Sequence[LaneLine],
    route: Route,
    trace: AnyArray,
    marks: Sequence[tuple[str, Point]],
) -> Markup:
    """The drawing, cut to the surroundings of route and path.

    Args:
        lanes: of the town (`auxdrive_eval.simulators.base.Simulator.lanes`).
        route: the route as planned.
        trace: `TRACE_DTYPE` (N,).
        marks: (label, place) of each infraction.
    """
    driven = np.stack([trace["x_m"], trace["y_m"]], axis=1)
    shown = np.concatenate([route.points, driven])
    low, high = shown.min(axis=0) - MARGIN_M, shown.max(axis=0) + MARGIN_M
    width_m, height_m = (high - low).tolist()
    parts = [
        f'<rect x="{low[0]:.1f}" y="{-high[1]:.1f}" width="{width_m:.1f}" '
        f'height="{height_m:.1f}" fill="{GROUND_COLOUR}"/>'
    ]
    for centreline, lane_width_m in lanes:
        if ((centreline >= low) & (centreline <= high)).all(axis=1).any():
            parts.append(_line(_every_second(centreline), LANE_COLOUR, lane_width_m))
    parts.append(_line(route.points, ROUTE_COLOUR, 0.5, 'stroke-dasharray="2 1.5"'))
    parts += _coloured_path(driven, trace["speed_mps"])
    unit_m = max(width_m, height_m) / 100  # marks keep their size on the page whatever the town's
    parts += [_mark(label, place, unit_m) for label, place in marks]
    start_x, start_y = route.points[0]
    parts.append(
        f'<circle cx="{start_x:.1f}" cy="{-start_y:.1f}" r="{unit_m:.2f}" fill="none" '
        f'stroke="{ROUTE_COLOUR}" stroke-width="0.6"/>'
    )
    size = f'width="{_PIXELS}" height="{_PIXELS * height_m / width_m:.0f}"'
    view = f'viewBox="{low[0]:.1f} {-high[1]:.1f} {width_m:.1f} {height_m:.1f}"'
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">{"".join(parts)}</svg>'
    )


def speed_legend() -> Markup:
    """What the colours of the path mean."""
    swatches = []
    for i, colour in enumerate(SPEED_COLOURS):
        last = i == len(SPEED_COLOURS) - 1
        label = (
            f"{SPEED_STEP_MPS * i:.0f} m/s and more"
            if last
            else f"{SPEED_STEP_MPS * i:.0f} to {SPEED_STEP_MPS * (i + 1):.0f}"
        )
        swatches.append(f'<span style="color:{colour}">&#9632;</span> {escape(label)}')
    return Markup(
        "Driven path: "
        + ", ".join(swatches)
        + ". Dashed: the route from its ring; red numbers: infractions below."
    )


def _coloured_path(driven: Float64, speed_mps: AnyArray) -> list[str]:
    """Stretches of one colour each; neighbours share a point, so that the path has no gaps."""
    if len(driven) < 2:
        return []
    classes = np.clip(speed_mps // SPEED_STEP_MPS, 0, len(SPEED_COLOURS) - 1).astype(int)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(classes)) + 1, [len(classes)]))
    parts = []
    for first, end in pairwise(starts):
        stretch = driven[first : end + 1]
        parts.append(
            _line(_thin(stretch), SPEED_COLOURS[classes[first]], 1.4, 'stroke-linecap="round"')
        )
    return parts


def _every_second(points: Float64) -> Float64:
    """Every second point and the last: a lane that ends early leaves a gap before the next one."""
    kept: Float64 = points[np.union1d(np.arange(0, len(points), 2), [len(points) - 1])]
    return kept if len(points) > 3 else points


def _thin(points: Float64, step_m: float = 0.5) -> Float64:
    """The points of a path about `step_m` apart, with both ends."""
    keep = np.flatnonzero(np.diff(cumulative_length(points) // step_m, prepend=-1.0) > 0)
    kept: Float64 = points[np.union1d(keep, [0, len(points) - 1])]
    return kept


def _line(points: Float64, colour: str, width_m: float, more: str = "") -> str:
    path = " ".join(f"{x:.1f},{-y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="{width_m:.2f}" {more}/>'
    )


def _mark(label: str, place: Point, unit_m: float) -> str:
    x_m, y_m = place
    circle = f'<circle cx="{x_m:.1f}" cy="{-y_m:.1f}" r="{1.6 * unit_m:.2f}" fill="{MARK_COLOUR}"/>'
    style = (
        f'font-size="{2.2 * unit_m:.2f}" fill="#fff" text-anchor="middle" font-family="sans-serif"'
    )
    return (
        f'{circle}<text x="{x_m:.1f}" y="{-y_m + 0.8 * unit_m:.1f}" {style}>{escape(label)}</text>'
    )
