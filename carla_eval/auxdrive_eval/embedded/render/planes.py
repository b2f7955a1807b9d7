"""From pixels that name a face to exact distances.

Panda3D's software rasteriser moves every corner to a whole pixel and keeps its depth, so its depth buffer is wrong by several per cent on
ground that is seen at a shallow angle. Hence the pass for depth and segmentation draws each face in a colour that is its number, and the distance is where
the pixel's ray meets the plane of that face: right to float precision inside the face, whatever the resolution.
Legend: F faces, P rays. Row 0 of every table is the sky.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.types import AnyArray, Float32, Float64, UInt8

from auxdrive_eval.embedded.render.faces import CLASS_ID, Mesh, PlaneTable

MAX_FACES = 1 << 24
_NEAREST_M = 0.05


@dataclass(slots=True)
class FaceRegistry:
    """The number of each face, its class and its plane in the world frame; grows as meshes are registered."""

    classes: UInt8
    normals: Float64
    offsets: Float64
    centres: Float64
    radii: Float64

    @classmethod
    def empty(cls) -> FaceRegistry:
        """A registry with the sky alone, as number 0."""
        return cls(np.array([CLASS_ID["sky"]], dtype=np.uint8), np.zeros((1, 3)), np.ones(1), np.zeros((1, 3)), np.zeros(1))

    def register(self, meshes: Sequence[Mesh]) -> list[int]:
        """Append the meshes' faces; returns the first number of each mesh."""
        firsts, following = [], len(self.offsets)
        for mesh in meshes:
            firsts.append(following)
            following += mesh.planes.count
        if following > MAX_FACES:
            raise ValueError(f"{following} faces, but the picture's 24 bits can name only {MAX_FACES}")
        self.classes = np.concatenate([self.classes, *(m.class_of_face for m in meshes)])
        self.normals = np.concatenate([self.normals, *(m.planes.normals for m in meshes)])
        self.offsets = np.concatenate([self.offsets, *(m.planes.offsets for m in meshes)])
        self.centres = np.concatenate([self.centres, *(m.planes.centres for m in meshes)])
        self.radii = np.concatenate([self.radii, *(m.planes.radii for m in meshes)])
        return firsts

    def place(self, first: int, local: PlaneTable, x_m: float, y_m: float, yaw_rad: float) -> None:
        """Put a mesh whose planes are in its own frame at this pose."""
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])  # transposed: rows are vectors
        rows = slice(first, first + local.count)
        normals = local.normals @ turn
        self.normals[rows] = normals
        self.offsets[rows] = local.offsets + normals[:, 0] * x_m + normals[:, 1] * y_m
        self.centres[rows] = local.centres @ turn + (x_m, y_m, 0.0)

    def inverse_distance_table(self, origin: Float64, axes: Float64, shortest_ratio: float = 1.0) -> Float32:
        """float32 (F, 5) for a view: the inverse distance along a ray r (in the view's axes) is row[:3] . r, within row[3] .. row[4].

        Distances are in units of |r|: planar depth for rays with 1 along the axis, range for unit rays. The limits keep a pixel at the rim of a
        face that is seen edge-on from meeting its plane far away from the face.

        Args:
            origin: (3,) in the world. axes: (3, 3), rows are the view's right, forward and up in the world.
            shortest_ratio: the least ratio of distance to range among the view's rays (1 for ranges; below 1 for planar depth off the axis).
        """
        table = np.empty((len(self.offsets), 5), dtype=np.float32)
        gap = self.offsets - self.normals @ origin
        gap = np.where(np.abs(gap) < 1e-6, 1e-6, gap)
        table[:, :3] = (self.normals @ axes.T) / gap[:, None]
        to_centre = self.centres - origin
        distance = np.sqrt((to_centre**2).sum(axis=1))
        table[:, 3] = 1.0 / (distance + self.radii + 1e-3)
        table[:, 4] = 1.0 / np.maximum(shortest_ratio * (distance - self.radii), _NEAREST_M)
        table[0] = 0.0
        return table


def inverse_distances(table: Float32, numbers: AnyArray, rays: Float32) -> Float32:
    """1 / distance, float32 (P,), of the faces `numbers` (P,) along `rays` (P, 3); 0 for the sky.

    Args:
        table: of `FaceRegistry.inverse_distance_table`.
    """
    rows = np.take(table, numbers, axis=0)
    inverse = rows[:, 0] * rays[:, 0]
    inverse += rows[:, 1] * rays[:, 1]
    inverse += rows[:, 2] * rays[:, 2]
    np.maximum(inverse, rows[:, 3], out=inverse)
    np.minimum(inverse, rows[:, 4], out=inverse)
    result: Float32 = inverse
    return result
