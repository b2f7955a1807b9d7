"""What the ego touches: its box is compared with cars, props, and the poles of lights and signs."""

from __future__ import annotations

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.geometry.boxes import box, touching
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.world import CollisionKind, Contact, RoadUser

POLE_M = 0.3
_STATIC_BASE, _LIGHT_BASE, _SIGN_BASE = 10_000, 30_000, 40_000


class StaticObstacles:
    """Everything in a town that stands still and can be hit. The ids of contacts are unique among
    cars, props, lights and signs.

    Attributes:
        parked: the cars among it.
    """

    def __init__(self, town: Town) -> None:
        self.types: list[tuple[CollisionKind, str, int]] = []
        boxes = []
        for prop in town.props:
            boxes.append(box(prop.x_m, prop.y_m, prop.yaw_rad, prop.length_m, prop.width_m))
            if prop.car is not None:
                kind, name = CollisionKind.VEHICLE, f"vehicle.{prop.car.value}"
            else:
                kind, name = CollisionKind.LAYOUT, f"static.{prop.kind.value}"
            self.types.append((kind, name, _STATIC_BASE + prop.prop_id))
        for light in (light for light in town.lights.values() if light.has_post):
            boxes.append(box(*light.location, light.yaw_rad, POLE_M, POLE_M))
            self.types.append(
                (CollisionKind.LAYOUT, "traffic.traffic_light", _LIGHT_BASE + light.light_id)
            )
        for sign in (sign for sign in town.stop_signs.values() if sign.has_post):
            boxes.append(box(*sign.location, sign.yaw_rad, POLE_M, POLE_M))
            self.types.append((CollisionKind.LAYOUT, "traffic.stop", _SIGN_BASE + sign.sign_id))
        self.parked = tuple(
            RoadUser(other_id, kind, (float(x), float(y)), float(yaw), (float(a), float(b)), 0.0)
            for (kind, _, other_id), (x, y, yaw, a, b) in zip(self.types, boxes, strict=True)
            if kind is CollisionKind.VEHICLE
        )
        self.boxes = np.array(boxes).reshape(-1, 5)
        self._reach = np.hypot(self.boxes[:, 3], self.boxes[:, 4])

    def hits(self, ego: Float64) -> list[int]:
        """Indices of the obstacles that the box overlaps."""
        found: list[int] = touching(ego, self.boxes, self._reach).tolist()
        return found

    def contacts(self, ego: Float64) -> list[Contact]:
        """Contacts of the ego's box, float64 (5,), with obstacles that stand still."""
        return [
            Contact(*self._describe(index), location=self._location(ego, self.boxes[index]))
            for index in self.hits(ego)
        ]

    def _describe(self, index: int) -> tuple[CollisionKind, int, str]:
        kind, name, other_id = self.types[index]
        return kind, other_id, name

    @staticmethod
    def _location(ego: Float64, other: Float64) -> tuple[float, float]:
        """The point of the other box that is nearest to the ego's centre."""
        dx, dy = ego[0] - other[0], ego[1] - other[1]
        cos, sin = np.cos(other[2]), np.sin(other[2])
        along = np.clip(dx * cos + dy * sin, -other[3], other[3])
        left = np.clip(dy * cos - dx * sin, -other[4], other[4])
        return float(other[0] + along * cos - left * sin), float(
            other[1] + along * sin + left * cos
        )
