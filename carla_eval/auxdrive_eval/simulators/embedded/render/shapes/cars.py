"""Cars as planar faces: a hull, a cabin with windows, wheels, lamps; about 80 triangles.

Car frame: x forward, y left, z up, origin on the ground under the centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.render.shapes.faces import Colour, Face, Heat
from auxdrive_eval.simulators.embedded.render.shapes.meshes import shadow, warmed
from auxdrive_eval.simulators.embedded.town.model import CarKind

PAINTS: tuple[Colour, ...] = (
    (0.78, 0.78, 0.80),
    (0.10, 0.11, 0.13),
    (0.60, 0.07, 0.07),
    (0.12, 0.22, 0.50),
    (0.90, 0.90, 0.88),
    (0.42, 0.44, 0.46),
    (0.75, 0.55, 0.10),
    (0.10, 0.36, 0.24),
)
_GLASS: Colour = (0.10, 0.13, 0.17)
_TYRE: Colour = (0.05, 0.05, 0.055)
_TRIM: Colour = (0.13, 0.13, 0.14)
_HEADLIGHT: Colour = (0.95, 0.95, 0.88)
_TAIL_OFF: Colour = (0.42, 0.02, 0.02)
_TAIL_ON: Colour = (0.62, 0.05, 0.03)
_TAIL_LIT: Colour = (1.0, 0.10, 0.06)
_SILL_M = 0.26
_MOST_CARS = 256


@dataclass(frozen=True, slots=True)
class _Shape:
    """Side profile of a car.

    Attributes:
        belt: height of the hull at the rear, under the cabin and in front, as shares of the height.
        cabin_foot: rear and front end of the cabin's foot, as shares of the length from the rear.
        roof: rear and front end of the roof, as shares of the length from the rear.
    """

    belt: tuple[float, float, float]
    cabin_foot: tuple[float, float]
    roof: tuple[float, float]


_SHAPES = {
    CarKind.SEDAN: _Shape((0.56, 0.64, 0.50), (0.12, 0.74), (0.27, 0.55)),
    CarKind.HATCHBACK: _Shape((0.60, 0.62, 0.48), (0.015, 0.76), (0.10, 0.55)),
    CarKind.VAN: _Shape((0.55, 0.56, 0.46), (0.01, 0.88), (0.03, 0.72)),
}


@lru_cache(maxsize=_MOST_CARS)
def car_faces(
    kind: CarKind,
    length_m: float,
    width_m: float,
    height_m: float,
    colour: int,
    *,
    braking: bool = False,
    running: bool = True,
    lit: bool = False,
) -> tuple[Face, ...]:
    """The faces of a car. Cars that look the same share them.

    Args:
        kind: body type, which decides the side profile.
        length_m: from bumper to bumper.
        width_m: without the wheels, which stand out by 2 cm.
        height_m: from the road to the roof.
        colour: number of the paint colour, modulo their count.
        braking: whether the tail lamps shine.
        lit: whether headlights and tail lamps are on.
        running: whether it drives or stands with its engine on; else all of it is cold.

    Returns:
        The faces in the car's frame. The last one is its shadow.
    """
    paint = PAINTS[colour % len(PAINTS)]
    shape = _SHAPES[kind]
    half = width_m / 2
    tail = _TAIL_LIT if braking else _TAIL_ON if lit else _TAIL_OFF
    faces = _hull(shape, length_m, half, height_m, paint, (tail, braking or lit), lit)
    faces += _cabin(shape, length_m, half, height_m, paint)
    radius = min(0.34, 0.24 * height_m)
    for x in (-0.30 * length_m, 0.31 * length_m):
        faces += [
            _wheel(x, half + 0.02, radius, left=True),
            _wheel(x, -half - 0.02, radius, left=False),
        ]
    if not running:
        faces = warmed(faces, Heat.AS_CLASS)
    return (*faces, shadow(length_m, width_m))


def _quad(
    corners: list[tuple[float, float, float]], colour: Colour, heat: Heat, *, emissive: bool = False
) -> Face:
    return Face(np.array(corners), colour, "vehicle", emissive=emissive, heat=heat)


def _hull(
    shape: _Shape,
    length_m: float,
    half: float,
    height_m: float,
    paint: Colour,
    tail: tuple[Colour, bool],
    headlights: bool,
) -> list[Face]:
    rear, front = -length_m / 2, length_m / 2
    x = [rear, rear + shape.cabin_foot[0] * length_m, rear + shape.cabin_foot[1] * length_m, front]
    z = [share * height_m for share in (shape.belt[0], shape.belt[1], shape.belt[1], shape.belt[2])]
    side = [(rear, _SILL_M), (front, _SILL_M), *((x[i], z[i]) for i in (3, 2, 1, 0))]
    right = np.array([(px, -half, pz) for px, pz in side])
    left = np.array([(px, half, pz) for px, pz in reversed(side)])
    faces = warmed([Face(side, paint, "vehicle") for side in (right, left)], Heat.BODYWORK)
    faces += [
        _quad(
            [
                (x[i], -half, z[i]),
                (x[i + 1], -half, z[i + 1]),
                (x[i + 1], half, z[i + 1]),
                (x[i], half, z[i]),
            ],
            paint,
            heat,
        )
        for i, heat in ((0, Heat.BODYWORK), (2, Heat.ENGINE))
    ]
    faces += _end(rear, -1.0, half, z[0], paint, *tail)
    faces += _end(front, 1.0, half, z[3], paint, _HEADLIGHT, headlights)
    under = [(rear, -half, 0.12), (rear, half, 0.12), (front, half, 0.12), (front, -half, 0.12)]
    top = [(px, py, _SILL_M) for px, py, _ in under]
    for i in range(4):  # the dark skirt between the sill and the road
        j = (i + 1) % 4
        faces.append(_quad([under[j], under[i], top[i], top[j]], _TRIM, Heat.EXHAUST))
    return faces


def _end(
    x: float, sign: float, half: float, belt: float, paint: Colour, lamp: Colour, lit: bool
) -> list[Face]:
    """Front or rear: a bumper below, lamps left and right above, in strips that do not overlap."""
    middle = _SILL_M + 0.45 * (belt - _SILL_M)
    lamp_y = 0.58 * half
    strips = [
        (-half, half, _SILL_M, middle, _TRIM if sign > 0 else paint, False),
        (-half, -lamp_y, middle, belt, lamp, lit),
        (-lamp_y, lamp_y, middle, belt, paint, False),
        (lamp_y, half, middle, belt, lamp, lit),
    ]
    faces = []
    heat = Heat.ENGINE if sign > 0 else Heat.BODYWORK
    for y0, y1, z0, z1, colour, glow in strips:
        a, b = (y0, y1) if sign > 0 else (y1, y0)
        corners = [(x, a, z0), (x, b, z0), (x, b, z1), (x, a, z1)]
        faces.append(_quad(corners, colour, heat, emissive=glow))
    return faces


def _cabin(
    shape: _Shape, length_m: float, half: float, height_m: float, paint: Colour
) -> list[Face]:
    rear = -length_m / 2
    foot = [rear + share * length_m for share in shape.cabin_foot]
    roof = [rear + share * length_m for share in shape.roof]
    belt = shape.belt[1] * height_m
    low, high = half, 0.80 * half

    def ring(t: float) -> Float64:
        """Corners of the horizontal section at share t of the cabin's height: rear right, front
        right, front left, rear left.
        """
        xr, xf = foot[0] + t * (roof[0] - foot[0]), foot[1] + t * (roof[1] - foot[1])
        z = belt + t * (height_m - belt)
        y = low + t * (high - low)
        return np.array([(xr, -y, z), (xf, -y, z), (xf, y, z), (xr, y, z)])

    faces = []
    bottom, eave, top = ring(0.0), ring(0.82), ring(1.0)
    for lower, upper, colour, heat in (
        (bottom, eave, _GLASS, Heat.WINDOW),
        (eave, top, paint, Heat.BODYWORK),
    ):
        for i in range(4):
            j = (i + 1) % 4
            points = np.array([lower[i], lower[j], upper[j], upper[i]])
            faces.append(Face(points, colour, "vehicle", heat=heat))
    return [*faces, Face(top, paint, "vehicle", heat=Heat.BODYWORK)]


def _wheel(x: float, y: float, radius: float, *, left: bool) -> Face:
    angle = math.pi / 8 + np.arange(8) * math.pi / 4
    if left:
        angle = -angle
    points = np.column_stack(
        [x + radius * np.cos(angle), np.full(8, y), radius + radius * np.sin(angle)]
    )
    return Face(points, _TYRE, "vehicle", heat=Heat.TYRE)
