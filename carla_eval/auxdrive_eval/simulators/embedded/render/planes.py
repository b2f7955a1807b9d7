"""Exact distances from pixels that name a face.

Panda3D's software rasteriser moves every corner to a whole pixel but keeps the corner's depth. So
its depth buffer is wrong by several per cent on ground that is seen at a shallow angle. Therefore
the pass for depth and segmentation draws each face in a colour that is the face's number. The
distance is where the pixel's ray meets the plane of that face, which is exact to float precision
within the face, whatever the resolution.

Legend: F faces, P rays. Row 0 of every table is the sky.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.types import AnyArray, Float32, Float64, UInt8

from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID
from auxdrive_eval.simulators.embedded.render.shapes.packing import Mesh, PlaneTable

MAX_FACES = 1 << 24
_NEAREST_M = 0.05
_RIM_M = 0.05


@dataclass(slots=True)
class FaceRegistry:
    """The number of each face, its class, what warms it, and its plane in the world frame
    (float32). It grows when meshes are registered.
    """

    classes: UInt8
    heats: UInt8
    normals: Float32
    offsets: Float32
    centres: Float32
    half_sizes: Float32

    @classmethod
    def empty(cls) -> FaceRegistry:
        """A registry that holds only the sky, as number 0."""
        none = np.zeros((1, 3), dtype=np.float32)
        return cls(
            np.array([CLASS_ID["sky"]], dtype=np.uint8),
            np.zeros(1, dtype=np.uint8),
            none,
            np.ones(1, dtype=np.float32),
            none,
            none,
        )

    def register(self, meshes: Sequence[Mesh]) -> list[int]:
        """Append the faces of the meshes.

        Returns:
            The number of each mesh's first face; the others follow it in the mesh's order.

        Raises:
            ValueError: there are more faces than an image can name.
        """
        firsts, following = [], len(self.offsets)
        for mesh in meshes:
            firsts.append(following)
            following += mesh.planes.count
        if following > MAX_FACES:
            raise ValueError(
                f"{following} faces, but the image's 24 bits can name only {MAX_FACES}"
            )
        tables = [mesh.planes for mesh in meshes]
        self.classes = np.concatenate([self.classes, *(m.class_of_face for m in meshes)])
        self.heats = np.concatenate([self.heats, *(m.heat_of_face for m in meshes)])
        self.normals = np.concatenate(
            [self.normals, *(t.normals for t in tables)], dtype=np.float32
        )
        self.offsets = np.concatenate(
            [self.offsets, *(t.offsets for t in tables)], dtype=np.float32
        )
        self.centres = np.concatenate(
            [self.centres, *(t.centres for t in tables)], dtype=np.float32
        )
        self.half_sizes = np.concatenate(
            [self.half_sizes, *(t.half_sizes for t in tables)], dtype=np.float32
        )
        return firsts

    def place(self, first: int, local: PlaneTable, x_m: float, y_m: float, yaw_rad: float) -> None:
        """Move a mesh that was registered.

        Args:
            first: number of its first face.
            local: its planes, in its own frame.
            x_m: of its origin in the world.
            y_m: of its origin in the world.
            yaw_rad: its heading, counter-clockwise as seen from above.
        """
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        # transposed, since rows are vectors
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        rows = slice(first, first + local.count)
        normals = local.normals @ turn
        self.normals[rows] = normals
        self.offsets[rows] = local.offsets + normals[:, 0] * x_m + normals[:, 1] * y_m
        self.centres[rows] = local.centres @ turn + (x_m, y_m, 0.0)
        self.half_sizes[rows] = local.half_sizes @ np.abs(turn)

    def inverse_depths(
        self, numbers: AnyArray, rays: Float32, origin: Float64, axes: Float64
    ) -> Float32:
        """1 / depth along the view's axis, float32 (P,), of the given faces along rays; 0 for the
        sky.

        The depth is limited to that of the face's box. Otherwise a pixel at the edge of a face that
        is seen almost edge-on would meet the face's plane far away from the face.

        Args:
            numbers: face of each ray (P,).
            rays: (P, 3), (right, 1, up) in the view's axes.
            origin: (3,) in the world.
            axes: (3, 3), the rows are the view's right, forward and up in the world.
        """
        faces = self.seen(numbers)
        table = np.empty((5, len(self.offsets)), dtype=np.float32)
        table[:3, faces] = self._inverse_coefficients(faces, origin, axes).T
        forward = axes[1].astype(np.float32)
        middle = self.centres[faces] @ forward - np.float32(origin @ axes[1])
        reach = self.half_sizes[faces] @ np.abs(forward)
        table[3, faces] = 1.0 / np.maximum(middle + reach, _NEAREST_M)
        table[4, faces] = 1.0 / np.maximum(middle - reach, _NEAREST_M)
        table[:, 0] = 0.0
        inverse = _dot(table[:3], numbers, rays)
        np.maximum(inverse, table[3].take(numbers), out=inverse)
        np.minimum(inverse, table[4].take(numbers), out=inverse)
        return inverse

    def inverse_ranges(
        self, numbers: AnyArray, directions: Float32, origin: Float64, axes: Float64
    ) -> Float32:
        """1 / distance, float32 (P,), of the given faces along rays; 0 for the sky, and for rays
        that just miss the face at its edge.

        Args:
            numbers: face of each ray (P,).
            directions: unit vectors (P, 3), in `axes`.
            origin: (3,) in the world.
            axes: (3, 3), the rows are the axes of `directions` in the world.
        """
        faces = self.seen(numbers)
        table = np.empty((9, len(self.offsets)), dtype=np.float32)
        table[:3, faces] = self._inverse_coefficients(faces, origin, axes).T
        table[3:6, faces] = (self.centres[faces] - origin.astype(np.float32)).T
        table[6:, faces] = (self.half_sizes[faces] + np.float32(_RIM_M)).T
        inverse = _dot(table[:3], numbers, directions)
        points = (directions @ axes.astype(np.float32)).T
        inside = (inverse > 0.0) & (numbers != 0)
        with np.errstate(divide="ignore"):
            for along, centre, reach in zip(points, table[3:6], table[6:], strict=True):
                distance = along / inverse
                distance -= centre.take(numbers)
                np.abs(distance, out=distance)
                inside &= distance <= reach.take(numbers)
        inverse *= inside
        return inverse

    def seen(self, numbers: AnyArray) -> AnyArray:
        """The different faces among `numbers` (P,), in order: an image shows only few of a town's
        faces, and in a table of all of them the columns of the others stay as they are.
        """
        shown = np.zeros(len(self.offsets), dtype=np.bool_)
        shown[numbers] = True
        return np.flatnonzero(shown)

    def _inverse_coefficients(self, faces: AnyArray, origin: Float64, axes: Float64) -> Float32:
        """float32 (len(faces), 3) whose product with a ray is 1 / its distance to the face's plane:
        n . r / (offset - n . origin).
        """
        normals = self.normals[faces]
        gap = self.offsets[faces] - normals @ origin.astype(np.float32)
        gap[np.abs(gap) < 1e-5] = 1e-5
        result: Float32 = (normals @ axes.T.astype(np.float32)) / gap[:, None]
        return result


def _dot(table: Float32, numbers: AnyArray, rays: Float32) -> Float32:
    """The product of each ray (P, 3) with the column of its face in a table (3, F), float32
    (P,).
    """
    product: Float32 = table[0].take(numbers)
    product *= rays[:, 0]
    for row, along in ((table[1], rays[:, 1]), (table[2], rays[:, 2])):
        term = row.take(numbers)
        term *= along
        product += term
    return product
