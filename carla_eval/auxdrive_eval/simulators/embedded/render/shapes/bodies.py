"""What stands in a town, as lists of planar faces: poles, lamps, trees, buildings, lights, signs.

Each body has a frame of its own: metres, z up, the origin on the ground under it. The head of a
light is the exception: its origin is its centre.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.render.shapes.faces import Colour, Face, Heat
from auxdrive_eval.simulators.embedded.render.shapes.meshes import (
    box_outline,
    place,
    prism,
    rectangle,
    regular,
    transform,
)

POLE_GREY: Colour = (0.36, 0.37, 0.38)
HEAD_BLACK: Colour = (0.06, 0.06, 0.07)
LAMP_M = 0.5
HEAD_WIDTH_M = 0.8
HEAD_HEIGHT_M = 2.1
HEAD_SIDES = 4
"""The first faces of a light's head: its other sides and its top; the rest are its front."""
LENSES = slice(HEAD_SIDES, HEAD_SIDES + 12, 4)
"""The faces of the lamps, from the top."""


def pole(height_m: float, radius_m: float = 0.09) -> list[Face]:
    """A slim pole of four sides.

    Args:
        height_m: above the ground.
        radius_m: from its axis to its edges.
    """
    return prism(regular(4, radius_m, math.pi / 4), 0.0, height_m, POLE_GREY, "pole")


def street_lamp(height_m: float) -> list[Face]:
    """A street lamp: a pole with an arm along its x axis, and a glowing head."""
    faces = pole(height_m, 0.11)
    arm = prism(box_outline(1.6, 0.12), height_m - 0.16, height_m, POLE_GREY, "pole")
    head = rectangle(1.0, 0.16, 1.6, -0.16, height_m - 0.17)
    return [
        *faces,
        *place(arm, 0.8, 0.0, 0.0),
        Face(head, (1.0, 0.93, 0.72), "pole", emissive=True, heat=Heat.LAMP),
    ]


_BARK: Colour = (0.30, 0.21, 0.14)
_LEAVES: tuple[Colour, ...] = (
    (0.10, 0.30, 0.13),
    (0.20, 0.38, 0.10),
    (0.27, 0.40, 0.13),
    (0.09, 0.25, 0.14),
)
_CROWN_CORNERS, _MOST_RINGS = 7, 5


def tree(height_m: float, crown_m: float, seed: int) -> list[Face]:
    """A tree: a trunk, and a crown of stacked rings (planar trapezoids), whose faces vary in
    colour.

    Args:
        height_m: of the whole tree.
        crown_m: greatest diameter of the crown.
        seed: decides kind and colours; every fourth is a conifer.
    """
    conifer = seed % 4 == 3
    phase, shades = _crown_chances(seed)
    trunk_top = 0.22 * height_m if conifer else 0.38 * height_m
    faces = prism(
        regular(4, 0.035 * height_m + 0.03, 0.4),
        0.0,
        trunk_top + 0.1 * height_m,
        _BARK,
        "vegetation",
        cap=False,
    )
    leaves = _LEAVES[seed % 4]
    profile = np.array(_crown_profile(height_m, trunk_top, conifer))
    rings = np.empty((len(profile), _CROWN_CORNERS, 3))
    radii = profile[:, 1] * crown_m / 2
    rings[..., :2] = radii[:, None, None] * regular(_CROWN_CORNERS, 1.0, phase)
    rings[..., 2] = profile[:, :1]
    for band, shade in zip(range(1, len(rings)), shades, strict=False):
        to_a_point = conifer and band == len(rings) - 1
        low, high = rings[band - 1], rings[band]
        faces += _crown_band(low, high, leaves, shade, to_a_point=to_a_point)
    if not conifer:
        faces.append(Face(rings[-1], _times(leaves, 1.1), "vegetation"))
    return faces


@lru_cache
def _crown_chances(seed: int) -> tuple[float, tuple[tuple[float, ...], ...]]:
    """What a tree's seed decides: how its rings are turned, and the shades of each band's faces."""
    rng = np.random.default_rng(seed)
    phase = float(rng.uniform(0, 1))
    bands = range(_MOST_RINGS - 1)
    shades = [tuple(rng.uniform(0.82, 1.18, _CROWN_CORNERS).tolist()) for _ in bands]
    return phase, tuple(shades)


def _crown_profile(height_m: float, trunk_top: float, conifer: bool) -> list[tuple[float, float]]:
    """The crown's rings from below: height above the ground, and share of its full width."""
    if conifer:
        return [
            (trunk_top, 1.0),
            (0.55 * height_m, 0.62),
            (0.8 * height_m, 0.3),
            (height_m, 0.0),
        ]
    span = height_m - trunk_top
    return [
        (trunk_top + span * t, r)
        for t, r in ((0.0, 0.35), (0.18, 0.85), (0.45, 1.0), (0.75, 0.78), (1.0, 0.22))
    ]


def _crown_band(
    low: Float64, high: Float64, leaves: Colour, shades: Sequence[float], *, to_a_point: bool
) -> Iterator[Face]:
    """The faces between two rings (n, 3): quads, or triangles where the upper one is a point."""
    corners = np.stack([low, np.roll(low, -1, axis=0), np.roll(high, -1, axis=0), high], axis=1)
    step = np.arange(len(low))
    uvs = np.empty((len(low), 4, 2))
    uvs[:, (0, 3), 0], uvs[:, (1, 2), 0] = step[:, None], step[:, None] + 1
    uvs[:, :2, 1], uvs[:, 2:, 1] = low[0, 2], high[0, 2]
    uvs *= 0.5
    drawn = 3 if to_a_point else 4
    for points, uv, shade in zip(corners, uvs, shades, strict=True):
        colour = _times(leaves, shade)
        yield Face(points[:drawn], colour, "vegetation", texture="leaves", uvs=uv[:drawn])


def _times(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


FACADES: tuple[tuple[str, Colour], ...] = (
    ("brick", (0.62, 0.34, 0.26)),
    ("plaster", (0.80, 0.74, 0.60)),
    ("plaster", (0.66, 0.70, 0.72)),
    ("office", (0.46, 0.56, 0.64)),
    ("brick", (0.52, 0.42, 0.35)),
    ("plaster", (0.76, 0.60, 0.48)),
    ("office", (0.62, 0.62, 0.60)),
)
STOREY_M = 3.2


def building(length_m: float, width_m: float, height_m: float, style: int) -> list[Face]:
    """A building: a ground floor with doors and shop windows, storeys with windows above, and a
    flat or pitched roof.

    Args:
        length_m: along x.
        width_m: along y.
        height_m: with the roof.
        style: a number that selects facade and colours.
    """
    kind, colour = FACADES[style % len(FACADES)]
    faces: list[Face] = []
    ground = min(STOREY_M, height_m / 2)
    pitched = kind != "office" and height_m < 9.0
    eaves = height_m - min(2.5, 0.3 * height_m) if pitched else height_m
    for yaw, along, away in (
        (0.0, length_m, width_m),
        (math.pi / 2, width_m, length_m),
        (math.pi, length_m, width_m),
        (-math.pi / 2, width_m, length_m),
    ):
        bays, storeys = max(1, round(along / 3.0)), max(1, round((eaves - ground) / STOREY_M))
        for z0, z1, texture, rows in ((0.0, ground, "shop", 1), (ground, eaves, kind, storeys)):
            points = np.array(
                [(-along / 2, 0, z0), (along / 2, 0, z0), (along / 2, 0, z1), (-along / 2, 0, z1)]
            ) - (0, away / 2, 0)
            # a texture shows 4 x 4 bays
            uvs = np.array([(0, 0), (bays, 0), (bays, rows), (0, rows)]) / 4.0
            uvs[:, 1] *= 4.0 if texture == "shop" else 1.0
            faces.append(
                Face(transform(points, 0, 0, yaw), colour, "building", texture=texture, uvs=uvs)
            )
    hl, hw = length_m / 2, width_m / 2
    if not pitched:
        return [*faces, Face(rectangle(-hl, -hw, hl, hw, height_m), (0.42, 0.41, 0.40), "building")]
    tile: Colour = ((0.50, 0.22, 0.16), (0.34, 0.30, 0.30))[style % 2]
    low, ridge = (
        rectangle(-hl, -hw, hl, hw, eaves),
        np.array([(-hl, 0.0, height_m), (hl, 0.0, height_m)]),
    )
    faces.append(Face(np.array([low[0], low[1], ridge[1], ridge[0]]), tile, "building"))
    faces.append(Face(np.array([low[2], low[3], ridge[0], ridge[1]]), tile, "building"))
    faces.append(Face(np.array([low[1], low[2], ridge[1]]), colour, "building"))
    return [*faces, Face(np.array([low[3], low[0], ridge[0]]), colour, "building")]


def light_head(lit: int | None) -> list[Face]:
    """Three lamps, red, yellow and green from the top, that face +x, centred on the origin.

    Args:
        lit: index of the lamp that is on.

    Returns:
        The head's sides and top (`HEAD_SIDES` faces), then its front.
    """
    colours: tuple[Colour, ...] = ((1.0, 0.06, 0.04), (1.0, 0.80, 0.05), (0.05, 1.0, 0.35))
    box = prism(
        box_outline(0.24, HEAD_WIDTH_M),
        -HEAD_HEIGHT_M / 2,
        HEAD_HEIGHT_M / 2,
        HEAD_BLACK,
        "traffic_light",
    )
    # HEAD_SIDES of them; the front is drawn in strips around the lamps, so that no faces are
    # coplanar
    faces = [f for i, f in enumerate(box) if i != 1]
    x, half_width, half_lamp = 0.12, HEAD_WIDTH_M / 2, LAMP_M / 2
    edges = [HEAD_HEIGHT_M / 2]
    for i, colour in enumerate(colours):
        centre = (1 - i) * (LAMP_M + 0.14)
        grow = 0.06 if i == lit else 0.0
        top, bottom, side = centre + half_lamp + grow, centre - half_lamp - grow, half_lamp + grow
        shown = (
            colour
            if i == lit
            else (0.12 * colour[0] + 0.03, 0.12 * colour[1] + 0.03, 0.12 * colour[2] + 0.03)
        )
        faces.append(_front(x, -side, side, bottom, top, shown, emissive=i == lit))
        faces.append(_front(x, -half_width, -side, bottom, top, HEAD_BLACK))
        faces.append(_front(x, side, half_width, bottom, top, HEAD_BLACK))
        faces.append(_front(x, -half_width, half_width, top, edges[-1], HEAD_BLACK))
        edges.append(bottom)
    faces.append(_front(x, -half_width, half_width, -HEAD_HEIGHT_M / 2, edges[-1], HEAD_BLACK))
    return faces


def _front(
    x: float, y0: float, y1: float, z0: float, z1: float, colour: Colour, *, emissive: bool = False
) -> Face:
    points = np.array([(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)])
    return Face(points, colour, "traffic_light", emissive=emissive)


def stop_sign(width_m: float = 0.95, centre_m: float = 2.3) -> list[Face]:
    """A stop sign that faces +x: a red octagon on a pole.

    Args:
        width_m: of the octagon, from one side to the opposite one.
        centre_m: height of the octagon's centre above the ground.
    """
    octagon = regular(8, 0.5 * width_m / math.cos(math.pi / 8), math.pi / 8)
    front = np.column_stack([np.full(8, 0.08), octagon[:, 0], octagon[:, 1] + centre_m])
    uvs = octagon / width_m + 0.5
    back = front[::-1] - (0.03, 0.0, 0.0)
    return [
        *pole(centre_m + 0.3, 0.06),
        Face(front, (1.0, 1.0, 1.0), "stop_sign", texture="stop", uvs=uvs),
        Face(back, (0.5, 0.5, 0.5), "traffic_sign"),
    ]
