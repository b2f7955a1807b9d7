"""Planar faces, of which everything that is drawn consists. World or car frame, z up, metres."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from auxdrive.modalities import SEGMENTATION_CLASSES
from auxdrive.types import AnyArray, Float64

Colour = tuple[float, float, float]
CLASS_ID = {name: i for i, name in enumerate(SEGMENTATION_CLASSES)}


class Layer(IntEnum):
    """Order of drawing. What lies flat on the ground is painted in this order without a depth test,
    so that coplanar faces do not flicker.
    """

    SKY = 0
    TERRAIN = 1
    ROAD = 2
    MARKING = 3
    KERB = 4
    SIDEWALK = 5
    SHADOW = 6
    OBJECT = 7


class Heat(IntEnum):
    """What the infrared camera sees a face as, where its class does not say it (`AS_CLASS`)."""

    AS_CLASS = 0
    SKIN = 1
    BODYWORK = 2
    ENGINE = 3
    EXHAUST = 4
    TYRE = 5
    WINDOW = 6
    LAMP = 7
    LIT_LENS = 8


@dataclass(slots=True, eq=False)
class Face:
    """One planar polygon. Bodies that look the same share faces, so nobody changes one. It is not
    frozen: a town has twenty thousand of them, and a third of its time would go into that.

    Attributes:
        points: float (n, 3), counter-clockwise as seen from the side that is drawn.
        colour: albedo, 0..1.
        class_name: one of `SEGMENTATION_CLASSES`.
        texture: name of a texture, "" for none.
        uvs: float (n, 2) texture coordinates.
        triangles: (k, 3) indices for polygons that are not convex; None is a fan.
        emissive: shown in its own colour whatever the light.
        alpha: opacity; faces with less than 1 are only in the RGB image.
        heat: what the infrared camera sees it as.
    """

    points: Float64
    colour: Colour
    class_name: str
    layer: Layer = Layer.OBJECT
    texture: str = ""
    uvs: Float64 | None = None
    triangles: AnyArray | None = None
    emissive: bool = False
    alpha: float = 1.0
    heat: Heat = Heat.AS_CLASS
