"""Pedestrians, cyclists and things on the road as planar faces; a person has about 100 triangles.

Body frame: x where it looks, y left, z up, origin on the ground under the centre. A cyclist is a
pedestrian (the rider) on a vehicle (the bicycle), as CARLA's segmentation has it.
"""

from __future__ import annotations

import math

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.render.shapes.faces import Colour, Face, Heat, Layer
from auxdrive_eval.simulators.embedded.render.shapes.meshes import (
    box_outline,
    place,
    prism,
    rectangle,
    regular,
    shadow,
    transform,
    warmed,
)
from auxdrive_eval.simulators.embedded.town.model import BODY_SIZES_M, BodyKind

_CLOTHES: tuple[tuple[Colour, Colour], ...] = (
    ((0.62, 0.13, 0.12), (0.13, 0.15, 0.24)),
    ((0.14, 0.30, 0.55), (0.20, 0.18, 0.16)),
    ((0.80, 0.76, 0.66), (0.16, 0.20, 0.34)),
    ((0.16, 0.36, 0.22), (0.36, 0.30, 0.22)),
    ((0.82, 0.62, 0.14), (0.10, 0.10, 0.12)),
    ((0.30, 0.30, 0.33), (0.24, 0.30, 0.46)),
    ((0.56, 0.32, 0.50), (0.14, 0.14, 0.16)),
    ((0.88, 0.88, 0.86), (0.28, 0.22, 0.20)),
)
"""Colours of jacket and trousers."""
_SKIN: tuple[Colour, ...] = ((0.82, 0.62, 0.50), (0.45, 0.30, 0.22), (0.66, 0.47, 0.35))
_HAIR: tuple[Colour, ...] = ((0.12, 0.09, 0.07), (0.36, 0.24, 0.13), (0.55, 0.53, 0.50))
_SHOES: Colour = (0.10, 0.09, 0.09)
_TYRE: Colour = (0.06, 0.06, 0.065)
_FRAMES: tuple[Colour, ...] = ((0.12, 0.34, 0.58), (0.62, 0.12, 0.10), (0.14, 0.15, 0.16))
_STRIDE_RAD = 0.42
_PERSON, _BICYCLE, _THING = "pedestrian", "vehicle", "other"
STYLES = len(_CLOTHES)


def body_faces(kind: BodyKind, style: int, step: int = 0) -> list[Face]:
    """The faces of a body.

    Args:
        kind: what it is.
        style: selects its colours, modulo their count.
        step: of a pedestrian's legs: 0 standing, 1 and 2 the two strides.

    Returns:
        The faces in the body's frame. The last one is its shadow; dirt lies flat, and is one.
    """
    length_m, width_m, height_m = BODY_SIZES_M[kind]
    if kind is BodyKind.DIRT:
        return _dirt(length_m, width_m)
    ground = shadow(length_m, width_m)
    if kind is BodyKind.PEDESTRIAN:
        return [*_pedestrian(style, (0.0, _STRIDE_RAD, -_STRIDE_RAD)[step], height_m), ground]
    if kind is BodyKind.CYCLIST:
        return [*_bicycle(style), *_rider(style), ground]
    if kind is BodyKind.VENDING_MACHINE:
        return [*_vending_machine(length_m, width_m, height_m), ground]
    return [*_container(length_m, width_m, height_m), ground]


def _limb(
    foot: tuple[float, float, float],
    top: tuple[float, float, float],
    thick_m: float,
    colour: Colour,
    class_name: str,
) -> list[Face]:
    """A four-sided bar from one point to another, closed at its upper end."""
    low, high = _square(foot, thick_m), _square(top, thick_m)
    sides = [
        Face(np.array([low[i], low[j], high[j], high[i]]), colour, class_name)
        for i, j in ((0, 1), (1, 2), (2, 3), (3, 0))
    ]
    return [*sides, Face(high, colour, class_name)]


def _square(centre: tuple[float, float, float], side_m: float) -> Float64:
    half = side_m / 2
    x, y, z = centre
    return rectangle(x - half, y - half, x + half, y + half, z)


def _pedestrian(style: int, swing_rad: float, height_m: float) -> list[Face]:
    jacket, trousers = _CLOTHES[style % STYLES]
    hip, shoulder, neck = 0.48 * height_m, 0.82 * height_m, 0.86 * height_m
    faces: list[Face] = []
    for side in (1.0, -1.0):
        swing = side * swing_rad
        foot = (math.sin(swing) * hip, side * 0.10, 0.0)
        faces += _limb((foot[0], foot[1], 0.0), (foot[0], foot[1], 0.09), 0.15, _SHOES, _PERSON)
        faces += _limb((foot[0], foot[1], 0.09), (0.0, side * 0.10, hip), 0.15, trousers, _PERSON)
        hand = (-math.sin(swing) * 0.5, side * 0.25, hip - 0.02)
        faces += _limb(hand, (0.0, side * 0.23, shoulder - 0.03), 0.10, jacket, _PERSON)
    faces += prism(box_outline(0.24, 0.40), hip - 0.02, shoulder, jacket, _PERSON)
    return [*faces, *place(_head(style), 0.0, 0.0, 0.0, neck)]


def _head(style: int) -> list[Face]:
    """A head whose chin is the origin."""
    skin, hair = _SKIN[style % len(_SKIN)], _HAIR[style % len(_HAIR)]
    outline = regular(6, 0.115, math.pi / 6)
    faces = [
        *prism(outline * 0.7, -0.08, 0.0, skin, _PERSON),
        *prism(outline, 0.0, 0.15, skin, _PERSON),
        *prism(outline, 0.15, 0.24, hair, _PERSON, shrink=0.7),
    ]
    return warmed(faces, Heat.SKIN)


def _bicycle(style: int) -> list[Face]:
    colour = _FRAMES[style % len(_FRAMES)]
    faces = [face for x in (-0.52, 0.52) for face in _wheel(x)]
    bars = (
        ((-0.52, 0.0, 0.34), (-0.16, 0.0, 0.85)),
        ((0.52, 0.0, 0.34), (0.38, 0.0, 0.98)),
        ((-0.14, 0.0, 0.40), (0.40, 0.0, 0.78)),
        ((-0.14, 0.0, 0.40), (-0.18, 0.0, 0.88)),
    )
    for foot, top in bars:
        faces += _limb(foot, top, 0.05, colour, _BICYCLE)
    saddle = prism(box_outline(0.26, 0.14), 0.88, 0.93, _TYRE, _BICYCLE)
    handle = prism(box_outline(0.06, 0.55), 0.98, 1.02, _TYRE, _BICYCLE)
    return [*faces, *place(saddle, -0.18, 0.0, 0.0), *place(handle, 0.38, 0.0, 0.0)]


def _wheel(x: float) -> list[Face]:
    """Both sides of a wheel, and its tread."""
    angle = np.arange(10) * (2 * math.pi / 10)
    rim = np.column_stack([x + 0.34 * np.cos(angle), np.zeros(10), 0.34 + 0.34 * np.sin(angle)])
    half_width = np.array([0.0, 0.02, 0.0])
    right, left = rim - half_width, rim + half_width
    tread = [
        Face(np.array([right[i], left[i], left[j], right[j]]), _TYRE, _BICYCLE)
        for i, j in ((k, (k + 1) % 10) for k in range(10))
    ]
    return [Face(right, _TYRE, _BICYCLE), Face(left[::-1], _TYRE, _BICYCLE), *tread]


def _rider(style: int) -> list[Face]:
    jacket, trousers = _CLOTHES[style % STYLES]
    faces: list[Face] = []
    for side, pedal in ((1.0, (0.02, 0.22)), (-1.0, (-0.16, 0.44))):
        foot, knee = (pedal[0], side * 0.12, pedal[1]), (0.18, side * 0.12, 0.72)
        faces += _limb(foot, knee, 0.12, trousers, _PERSON)
        faces += _limb(knee, (-0.16, side * 0.09, 0.98), 0.15, trousers, _PERSON)
        faces += _limb((0.36, side * 0.22, 1.02), (0.10, side * 0.20, 1.36), 0.09, jacket, _PERSON)
    back = [
        Face(_leaning(face.points), face.colour, face.class_name)
        for face in prism(box_outline(0.22, 0.38), 0.0, 0.52, jacket, _PERSON)
    ]
    return [*faces, *back, *place(_head(style), 0.14, 0.0, 0.0, 1.50)]


def _leaning(points: Float64) -> Float64:
    """Points of a torso that stands on the saddle and leans forward."""
    leaned = points + np.column_stack([0.5 * points[:, 2], np.zeros((len(points), 2))])
    return transform(leaned, -0.16, 0.0, 0.0, 0.93)


def _vending_machine(length_m: float, width_m: float, height_m: float) -> list[Face]:
    red, glass = (0.66, 0.07, 0.08), (0.70, 0.82, 0.88)
    faces = prism(box_outline(length_m, width_m), 0.0, height_m, red, _THING)
    x, half, low, high = length_m / 2 + 0.005, 0.36 * width_m, 0.35 * height_m, 0.92 * height_m
    window = np.array([(x, -half, low), (x, half, low), (x, half, high), (x, -half, high)])
    return [*faces, Face(window, glass, _THING, emissive=True, heat=Heat.LAMP)]


def _container(length_m: float, width_m: float, height_m: float) -> list[Face]:
    """A waste container on low feet, with a lid."""
    green, lid = (0.13, 0.32, 0.20), (0.10, 0.11, 0.12)
    outline = box_outline(length_m, width_m)
    return [
        *prism(outline * 0.94, 0.0, 0.14, lid, _THING, cap=False),
        *prism(outline, 0.14, height_m - 0.12, green, _THING),
        *prism(outline * 1.0, height_m - 0.12, height_m, lid, _THING, shrink=0.9),
    ]


def _dirt(length_m: float, width_m: float) -> list[Face]:
    """Earth on the road: patches that let the asphalt through. They are only in the RGB image."""
    brown: Colour = (0.24, 0.17, 0.10)
    patches = ((0.0, 0.0, 0.50, 0.2), (0.28, -0.18, 0.30, 0.9), (-0.30, 0.20, 0.28, 1.7))
    faces = []
    for x, y, radius, phase in patches:
        outline = (regular(7, radius, phase) + np.array([x, y])) * (length_m, width_m)
        points = np.column_stack([outline, np.zeros(7)])
        faces.append(Face(points, brown, _THING, Layer.SHADOW, alpha=0.75))
    return faces
