"""Faces as vertex arrays, with the planes in which they lie: distances are computed from planes,
not read from a depth buffer (see `render.planes`).

World or car frame, z up, metres. Legend: V vertices, T triangles, F faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from auxdrive.types import AnyArray, Float32, Float64, UInt8

from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID, Face, Layer

UNBOUNDED_M = 1e6


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

    def rows(self, which: AnyArray | slice) -> PlaneTable:
        """Those of some faces.

        Args:
            which: their numbers.
        """
        return PlaneTable(
            self.normals[which], self.offsets[which], self.centres[which], self.half_sizes[which]
        )


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
        vertex_starts: (F + 1,), where the vertices of each face begin, and where the last ones end.
        triangle_starts: (F + 1,), likewise of the triangles.
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
    vertex_starts: AnyArray
    triangle_starts: AnyArray

    def part(self, first: int, end: int) -> Mesh:
        """The faces from one to before another, without a copy of the larger arrays.

        Args:
            first: number of the first face.
            end: number after the last one.
        """
        vertices = slice(self.vertex_starts[first], self.vertex_starts[end])
        triangles = slice(self.triangle_starts[first], self.triangle_starts[end])
        return Mesh(
            self.positions[vertices],
            self.uvs[vertices],
            self.albedo[vertices],
            self.normals[vertices],
            self.emissive[vertices],
            self.face_of_vertex[vertices] - np.int32(first),
            self.class_of_face[first:end],
            self.heat_of_face[first:end],
            self.triangles[triangles] - np.int32(vertices.start),
            self.planes.rows(slice(first, end)),
            self.vertex_starts[first : end + 1] - vertices.start,
            self.triangle_starts[first : end + 1] - triangles.start,
        )

    def take(self, faces: AnyArray) -> Mesh:
        """Some of the faces, in a given order.

        Args:
            faces: their numbers, (G,).
        """
        counts = np.diff(self.vertex_starts)[faces]
        triangle_counts = np.diff(self.triangle_starts)[faces]
        old, new = self.vertex_starts[faces], starts_of(counts)
        vertices = ranges(old, counts)
        corners = self.triangles[ranges(self.triangle_starts[faces], triangle_counts)]
        moved = np.repeat(new[:-1] - old, triangle_counts)[:, None]
        return Mesh(
            self.positions[vertices],
            self.uvs[vertices],
            self.albedo[vertices],
            self.normals[vertices],
            self.emissive[vertices],
            np.repeat(np.arange(len(faces), dtype=np.int32), counts),
            self.class_of_face[faces],
            self.heat_of_face[faces],
            (corners + moved).astype(np.int32),
            self.planes.rows(faces),
            new,
            starts_of(triangle_counts),
        )


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
    starts = starts_of(counts)[:-1]
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


def pack(faces: Sequence[Face]) -> Mesh:
    """The vertex arrays of one face or more. Texture coordinates are shifted by whole numbers
    towards 0, since the rasteriser's are fixed-point.
    """
    counts = np.array([len(face.points) for face in faces])
    starts = starts_of(counts)
    planes = plane_table(faces)
    face_of_vertex = np.repeat(np.arange(len(faces), dtype=np.int32), counts)
    triangles, triangle_starts = _triangles(faces, counts, starts)
    albedo = np.array([(*face.colour, face.alpha) for face in faces], dtype=np.float32)
    return Mesh(
        positions=np.concatenate([face.points for face in faces]).astype(np.float32),
        uvs=_texture_coordinates(faces, counts, starts),
        albedo=albedo[face_of_vertex],
        normals=planes.normals.astype(np.float32)[face_of_vertex],
        emissive=np.array([face.emissive for face in faces])[face_of_vertex],
        face_of_vertex=face_of_vertex,
        class_of_face=np.array([CLASS_ID[face.class_name] for face in faces], dtype=np.uint8),
        heat_of_face=np.array([face.heat for face in faces], dtype=np.uint8),
        triangles=triangles,
        planes=planes,
        vertex_starts=starts,
        triangle_starts=triangle_starts,
    )


def starts_of(counts: AnyArray) -> AnyArray:
    """Where each of some rows of elements begins, and where the last one ends, (F + 1,).

    Args:
        counts: (F,), how many elements each has.
    """
    starts: AnyArray = np.concatenate([[0], np.cumsum(counts)])
    return starts


def _texture_coordinates(faces: Sequence[Face], counts: AnyArray, starts: AnyArray) -> Float32:
    """(V, 2), 0 where a face has no texture."""
    uvs = np.zeros((starts[-1], 2))
    textured = np.flatnonzero([face.uvs is not None for face in faces])
    if len(textured):
        given = np.concatenate([face.uvs for face in faces if face.uvs is not None])
        count = counts[textured]
        least = np.minimum.reduceat(given, starts_of(count)[:-1], axis=0)
        given = given - np.repeat(np.floor(least), count, axis=0)
        uvs[ranges(starts[textured], count)] = given
    return uvs.astype(np.float32)


def _triangles(
    faces: Sequence[Face], counts: AnyArray, starts: AnyArray
) -> tuple[AnyArray, AnyArray]:
    """Corners of the triangles, int32 (T, 3), and where those of each face begin, (F + 1,)."""
    cut = {at: face.triangles for at, face in enumerate(faces) if face.triangles is not None}
    count = counts - 2
    for at, given in cut.items():
        count[at] = len(given)
    first = starts_of(count)
    step = np.arange(first[-1]) - np.repeat(first[:-1], count)
    triangles = np.column_stack([np.zeros_like(step), step + 1, step + 2])
    for at, given in cut.items():
        triangles[first[at] : first[at + 1]] = given
    triangles += np.repeat(starts[:-1], count)[:, None]
    return triangles.astype(np.int32), first


def ranges(firsts: AnyArray, counts: AnyArray) -> AnyArray:
    """The numbers of several ranges, one range after the other.

    Args:
        firsts: (R,), where each begins.
        counts: (R,), how many numbers it has.
    """
    ends = np.cumsum(counts)
    numbers: AnyArray = np.arange(ends[-1]) + np.repeat(firsts - (ends - counts), counts)
    return numbers
