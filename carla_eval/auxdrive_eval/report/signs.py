"""The signs on a drive's map, and the same signs in its legend. Each is drawn in pixels around its
place, with y down, and keeps its size when the map is drawn small.
"""

from __future__ import annotations

import math

from auxdrive.html.blocks import Markup, escape
from auxdrive.inspection.palette import GREEN, INK, LINE, ORANGE, ROUTE, VERMILLION, WRONG, css

from auxdrive_eval.world import Point

HALO = 'stroke="#fff" stroke-width="2" paint-order="stroke" stroke-linejoin="round"'
_INK = css(INK)

GOAL = (
    f'<path d="M0 0V-18L13-13.5L0-9" fill="{_INK}" stroke="#fff" stroke-width="3.5" '
    'paint-order="stroke" stroke-linejoin="round"/>'
    f'<path d="M0 0V-18" stroke="{_INK}" stroke-width="2"/><circle r="3" fill="{_INK}" {HALO}/>'
)
LIGHT = (
    f'<rect x="-4.5" y="-10" width="9" height="20" rx="2.5" fill="{_INK}" {HALO}/>'
    f'<circle cy="-6" r="2.4" fill="{css(VERMILLION)}"/><circle r="2.4" fill="{css(ORANGE)}"/>'
    f'<circle cy="6" r="2.4" fill="{css(GREEN)}"/>'
)
STOP_SIGN = (
    f'<path d="M-3.7-9H3.7L9-3.7V3.7L3.7 9H-3.7L-9 3.7V-3.7Z" fill="{_INK}" {HALO}/>'
    '<text y="3.2" font-size="9" font-weight="700" fill="#fff" text-anchor="middle">S</text>'
)
HIT = (
    '<path d="M-6-6L6 6M6-6L-6 6" fill="none" stroke="#fff" stroke-width="6.5"/>'
    f'<path d="M-6-6L6 6M6-6L-6 6" fill="none" stroke="{WRONG}" stroke-width="3"/>'
)
FILM = f'<circle r="3.4" fill="#fff" stroke="{_INK}" stroke-width="1.4"/>'
STOP_LINE = f'<path d="M0-7V7" stroke="{LINE}" stroke-width="2.5"/>'
PLANNED = f'<path d="M-10 0H10" stroke="{ROUTE}" stroke-width="2" stroke-dasharray="5 3"/>'


def start(yaw_rad: float) -> str:
    """Where the drive began, and the direction that the car faced (yaw positive to the left)."""
    turned = f'transform="rotate({-math.degrees(yaw_rad):.0f})"'
    return f'<path d="M10 0L-7 7V-7Z" fill="{_INK}" {HALO} {turned}/>'


def driven(colour: str) -> str:
    """A stretch of the driven path."""
    return (
        f'<path d="M-10 0H10" stroke="{_INK}" stroke-width="8" stroke-linecap="round"/>'
        f'<path d="M-10 0H10" stroke="{colour}" stroke-width="6" stroke-linecap="round"/>'
    )


def badge_width(label: str) -> float:
    """Width of a badge in pixels."""
    return max(22.0, 8.0 * len(label) + 10.0)


def badge(label: str, offset: Point = (0.0, 0.0)) -> str:
    """The number of an infraction, beside the place where it began.

    Args:
        label: the number, or several ("2, 3").
        offset: from that place to the badge's middle, in pixels; a line joins the two.
    """
    (x, y), wide = offset, badge_width(label)
    line = f'<path d="M0 0L{x:.0f} {y:.0f}" stroke="{WRONG}" stroke-width="2"/>'
    dot = f'<circle r="4" fill="{WRONG}" {HALO}/>'
    return (
        (line + dot if (x, y) != (0.0, 0.0) else "")
        + f'<rect x="{x - wide / 2:.0f}" y="{y - 11:.0f}" width="{wide:.0f}" height="22" rx="11" '
        f'fill="{WRONG}" {HALO}/>'
        f'<text x="{x:.0f}" y="{y + 5:.0f}" font-size="14" font-weight="700" fill="#fff" '
        f'text-anchor="middle">{escape(label)}</text>'
    )


def placed(sign: str, place: Point, unit_m: float) -> str:
    """A sign at its place on the map.

    Args:
        sign: SVG, in pixels around its place.
        place: (x, y) in the world frame, metres.
        unit_m: metres per pixel of the map.
    """
    at = f'transform="translate({place[0]:.1f} {-place[1]:.1f}) scale({unit_m:.4f})"'
    return f'<g {at}><g class="glyph">{sign}</g></g>'


def key(sign: str, width: int = 24, height: int = 24, middle: Point = (12.0, 12.0)) -> Markup:
    """A sign within a line of text.

    Args:
        sign: SVG, in pixels around its place.
        width: of the room that it takes in the line, in pixels.
        height: likewise.
        middle: where in this room the sign's own place lies, in pixels from the left and from the
            top.
    """
    box = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    moved = f'transform="translate({middle[0]:g} {middle[1]:g})"'
    return Markup(f'<svg {box} aria-hidden="true"><g {moved}>{sign}</g></svg>')
