"""The other vehicles, the pedestrians and what was put on the road, as the expert sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from auxdrive.types import Pose2

from auxdrive_eval.simulators.carla.border import forward_mps, on_ground, pose
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.world import CollisionKind, Point, RoadUser

KINDS = ("vehicle.*", "walker.*", "static.prop.*")
FLAT = "static.prop.dirtdebris"
"""Is driven over."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another vehicle, a pedestrian, or a thing.

    Attributes:
        actor_id: of CARLA.
        is_pedestrian: whether it is one.
        place: of its middle, in the world frame.
        half_m: half of its length.
        half_width_m: half of its width.
        speed_mps: along the heading of the ego; 0 for who comes towards it.
        yaw_rad: its heading in the world frame.
        velocity_mps: in the world frame.
    """

    actor_id: int
    is_pedestrian: bool
    place: Point
    half_m: float
    half_width_m: float
    speed_mps: float
    yaw_rad: float
    velocity_mps: tuple[float, float]


def road_user_of(other: Other) -> RoadUser:
    """One of them as `auxdrive diagnose` is told of it; a thing counts as a vehicle."""
    kind = CollisionKind.PEDESTRIAN if other.is_pedestrian else CollisionKind.VEHICLE
    x_mps, y_mps = other.velocity_mps
    return RoadUser(
        other.actor_id,
        kind,
        other.place,
        other.yaw_rad,
        (other.half_m, other.half_width_m),
        x_mps * math.cos(other.yaw_rad) + y_mps * math.sin(other.yaw_rad),
    )


class Surroundings:
    """What moves around an ego.

    Args:
        session: with the server.
        ego: a `carla.Vehicle`.
    """

    def __init__(self, session: Session, ego: Any) -> None:
        self._session, self._ego = session, ego
        self._sizes: dict[int, tuple[float, float]] = {}

    def others(self) -> tuple[Other, ...]:
        """All of them after the last tick."""
        heading = pose(self._ego.get_transform())
        actors = self._session.world.get_actors()
        return tuple(
            self._seen(actor, heading)
            for kind in KINDS
            for actor in actors.filter(kind)
            if actor.id != self._ego.id and not str(actor.type_id).startswith(FLAT)
        )

    def _seen(self, actor: Any, heading: Pose2) -> Other:
        place, velocity = pose(actor.get_transform()), actor.get_velocity()
        return Other(
            int(actor.id),
            str(actor.type_id).startswith("walker"),
            (place.x_m, place.y_m),
            *self._size(actor),
            max(forward_mps(velocity, heading), 0.0),
            place.yaw_rad,
            on_ground(velocity),
        )

    def _size(self, actor: Any) -> tuple[float, float]:
        """Half length and half width. Clients from 0.9.16 on ask the server for them."""
        if actor.id not in self._sizes:
            extent = actor.bounding_box.extent
            self._sizes[actor.id] = (float(extent.x), float(extent.y))
        return self._sizes[actor.id]
