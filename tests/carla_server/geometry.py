"""Poses and boxes in CARLA's left-handed frame: x forward, y right, z up; degrees clockwise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .dialects import spoken

Vector = tuple[float, float, float]
ZERO: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Pose:
    """A location (m) and a rotation (pitch, yaw, roll in degrees)."""

    location: Vector = ZERO
    rotation: Vector = ZERO

    @classmethod
    def of_wire(cls, transform: list[list[float]]) -> Pose:
        """From [[x, y, z], [pitch, yaw, roll]]."""
        (x, y, z), (pitch, yaw, roll) = transform
        return cls((x, y, z), (pitch, yaw, roll))

    def wire(self) -> list[list[float]]:
        """As [[x, y, z], [pitch, yaw, roll]]."""
        return [list(self.location), list(self.rotation)]

    def axes(self) -> tuple[Vector, Vector, Vector]:
        """The rows of the rotation matrix: world = rows applied to local."""
        pitch, yaw, roll = (math.radians(angle) for angle in self.rotation)
        cp, sp, cy, sy = math.cos(pitch), math.sin(pitch), math.cos(yaw), math.sin(yaw)
        cr, sr = math.cos(roll), math.sin(roll)
        return (
            (cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr),
            (cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr),
            (sp, -cp * sr, cp * cr),
        )

    def turn(self, vector: Vector) -> Vector:
        """A local direction as a world direction."""
        a, b, c = self.axes()
        return dot(a, vector), dot(b, vector), dot(c, vector)

    def turn_back(self, vector: Vector) -> Vector:
        """A world direction as a local direction."""
        columns = tuple(zip(*self.axes(), strict=True))
        return dot(columns[0], vector), dot(columns[1], vector), dot(columns[2], vector)

    def point(self, local: Vector) -> Vector:
        """A local point as a world point."""
        return plus(self.location, self.turn(local))

    def local(self, point: Vector) -> Vector:
        """A world point as a local point."""
        return self.turn_back(minus(point, self.location))

    def then(self, child: Pose) -> Pose:
        """The pose in the world of a child whose pose is given in this frame."""
        mine = self.axes()
        theirs = tuple(zip(*child.axes(), strict=True))
        turned = [[dot(row, column) for column in theirs] for row in mine]
        pitch = math.asin(max(-1.0, min(1.0, turned[2][0])))
        yaw = math.atan2(turned[1][0], turned[0][0])
        roll = math.atan2(-turned[2][1], turned[2][2])
        angles = (math.degrees(pitch), math.degrees(yaw), math.degrees(roll))
        return Pose(self.point(child.location), angles)


@dataclass(frozen=True)
class Box:
    """A box in the frame of what it belongs to; extents are half sizes (m)."""

    location: Vector = ZERO
    extent: Vector = ZERO
    rotation: Vector = field(default=ZERO)

    def wire(self, owner: int) -> list[object]:
        """As the client reads it, with the id of the actor it belongs to."""
        of = [owner] if spoken().box_tells_owner else []
        return [list(self.location), list(self.extent), list(self.rotation), *of]

    def corners(self, pose: Pose) -> list[tuple[float, float]]:
        """The four corners seen from above, in the world."""
        x, y, _ = self.extent
        placed = pose.then(Pose(self.location, self.rotation))
        points = [placed.point(p) for p in ((x, y, 0.0), (x, -y, 0.0), (-x, -y, 0.0), (-x, y, 0.0))]
        return [(p[0], p[1]) for p in points]

    def heights(self, pose: Pose) -> tuple[float, float]:
        """The lowest and the highest point, for a box that stands upright."""
        middle = pose.point(self.location)[2]
        return middle - self.extent[2], middle + self.extent[2]

    def contains(self, pose: Pose, point: Vector) -> bool:
        """Whether a point of the world lies in the box of an owner at `pose`."""
        x, y, z = pose.then(Pose(self.location, self.rotation)).local(point)
        a, b, c = self.extent
        return abs(x) <= a and abs(y) <= b and abs(z) <= c


def touch(first: Box, at: Pose, second: Box, there: Pose) -> bool:
    """Whether two upright boxes overlap: an axis that separates them is looked for."""
    low, high = first.heights(at)
    low2, high2 = second.heights(there)
    if low > high2 or low2 > high:
        return False
    corners = first.corners(at), second.corners(there)
    for shape in corners:
        for (x0, y0), (x1, y1) in ((shape[0], shape[1]), (shape[1], shape[2])):
            normal = (y1 - y0, x0 - x1)
            spans = [[normal[0] * x + normal[1] * y for x, y in other] for other in corners]
            if max(spans[0]) < min(spans[1]) or max(spans[1]) < min(spans[0]):
                return False
    return True


def dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The inner product of two vectors of three."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def plus(a: Vector, b: Vector) -> Vector:
    """The sum of two vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def minus(a: Vector, b: Vector) -> Vector:
    """The difference of two vectors."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def times(a: Vector, factor: float) -> Vector:
    """A vector times a number."""
    return a[0] * factor, a[1] * factor, a[2] * factor
