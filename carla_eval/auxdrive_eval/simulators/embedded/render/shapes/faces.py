"""Planar faces, of which everything that is drawn consists, and their conversion into vertex
arrays.

Each face keeps its plane, since distances are computed from planes, not read from a depth buffer
(see `render.planes`). World or car frame, z up, metres.

Legend: V vertices, T triangles, F faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from auxdrive.modalities import SEGMENTATION_CLASSES
from auxdrive.types import AnyArray, Float32, Float64, UInt8

Colour = tuple[float, float, float]
UNBOUNDED_M = 1e6
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


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One planar polygon.

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


@dataclass(frozen=True, slots=True)
class PlaneTable:
    """Planes of F faces: normal . p = offset, and an axis-aligned box around each face (centre,
    half sizes).

    Half sizes are `UNBOUNDED_M` for faces that lie flat, whose plane continues in the next face.
    """

    normals: Float64
    offsets: Float64
    centres: Float64
    half_sizes: Float64

    @property
    def count(self) -> int:
        """Number of faces."""
        return len(self.offsets)


@dataclass(frozen=True, slots=True)
class Mesh:
    """Faces as vertex arrays. Faces do not share vertices.

    Attributes:
        positions: float32 (V, 3).
        uvs: float32 (V, 2).
        albedo: float32 (V, 4), the last is opacity.
        normals: float32 (V, 3).
        emissive: bool (V,).
        face_of_vertex: int32 (V,), counts from 0.
        class_of_face: uint8 (F,).
        heat_of_face: uint8 (F,), of `Heat`.
        triangles: int32 (T, 3).
        planes: of its faces.
    """

    positions: Float32
    uvs: Float32
    albedo: Float32
    normals: Float32
    emissive: AnyArray
    face_of_vertex: AnyArray
    class_of_face: UInt8
    heat_of_face: UInt8
    triangles: AnyArray
    planes: PlaneTable = field(repr=False)


def newell_normals(points: Float64, starts: AnyArray, counts: AnyArray) -> Float64:
    """Unit normals of polygons, whose corners follow each other in one array.

    By Newell's method, which also works for polygons with collinear corners. All polygons are
    computed at once, since a town has twenty thousand faces.

    Args:
        points: (N, 3), the corners of all polygons, each counter-clockwise as seen from the side to
            which its normal points.
        starts: (F,), the index of each polygon's first corner.
        counts: (F,), how many corners each has.

    Returns:
        (F, 3).

    Raises:
        ValueError: a face has no area.
    """
    origin = np.repeat(points[starts], counts, axis=0)
    following = np.arange(len(points)) + 1
    following[starts + counts - 1] = starts
    a, b = points - origin, points[following] - origin
    crossed = np.stack(
        [
            a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
            a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
        ],
        axis=1,
    )
    normals = np.add.reduceat(crossed, starts, axis=0)
    lengths = np.sqrt((normals**2).sum(axis=1))
    flat = np.flatnonzero(lengths < 1e-12)
    if flat.size:
        face = int(flat[0])
        raise ValueError(
            f"a face without area: {points[starts[face] : starts[face] + counts[face]].tolist()}"
        )
    result: Float64 = normals / lengths[:, None]
    return result


def plane_table(faces: Sequence[Face]) -> PlaneTable:
    """Planes of the faces, in order."""
    counts = np.array([len(face.points) for face in faces])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    points = np.concatenate([face.points for face in faces]).astype(np.float64)
    normals = newell_normals(points, starts, counts)
    low, high = (
        np.minimum.reduceat(points, starts, axis=0),
        np.maximum.reduceat(points, starts, axis=0),
    )
    bounded = np.array([face.layer in (Layer.OBJECT, Layer.KERB) for face in faces])
    half_sizes = np.where(bounded[:, None], 0.5 * (high - low), UNBOUNDED_M)
    return PlaneTable(
        normals, (normals * points[starts]).sum(axis=1), 0.5 * (low + high), half_sizes
    )


def _fan(corners: int) -> AnyArray:
    return np.array([(0, i, i + 1) for i in range(1, corners - 1)], dtype=np.int32)


def pack(faces: Sequence[Face]) -> Mesh:
    """The vertex arrays of one face or more. Texture coordinates are shifted by whole numbers
    towards 0, since the rasteriser's are fixed-point.
    """
    counts = np.array([len(face.points) for face in faces])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    planes = plane_table(faces)
    face_of_vertex = np.repeat(np.arange(len(faces), dtype=np.int32), counts)
    uvs = [
        np.zeros((n, 2)) if f.uvs is None else f.uvs - np.floor(f.uvs.min(axis=0))
        for f, n in zip(faces, counts, strict=True)
    ]
    triangles = [
        (_fan(n) if f.triangles is None else f.triangles).astype(np.int32) + start
        for f, n, start in zip(faces, counts, starts, strict=True)
    ]
    albedo = np.array([(*face.colour, face.alpha) for face in faces], dtype=np.float32)
    return Mesh(
        positions=np.concatenate([face.points for face in faces]).astype(np.float32),
        uvs=np.concatenate(uvs).astype(np.float32),
        albedo=albedo[face_of_vertex],
        normals=planes.normals.astype(np.float32)[face_of_vertex],
        emissive=np.array([face.emissive for face in faces])[face_of_vertex],
        face_of_vertex=face_of_vertex,
        class_of_face=np.array([CLASS_ID[face.class_name] for face in faces], dtype=np.uint8),
        heat_of_face=np.array([face.heat for face in faces], dtype=np.uint8),
        triangles=np.concatenate(triangles).astype(np.int32),
        planes=planes,
    )
