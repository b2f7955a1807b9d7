"""The other vehicles and the pedestrians, as the expert sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auxdrive_eval.simulators.carla.border import forward_mps, pose
from auxdrive_eval.simulators.carla.session import Session
from auxdrive_eval.world import Point

KINDS = ("vehicle.*", "walker.*")


@dataclass(frozen=True, slots=True)
class Other:
    """Another vehicle, or a pedestrian.

    Attributes:
        place: of its middle, in the world frame.
        half_m: half of its length.
        half_width_m: half of its width.
        speed_mps: along the heading of the ego; 0 for who comes towards it.
    """

    place: Point
    half_m: float
    half_width_m: float
    speed_mps: float


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
        found = []
        for actor in (actor for kind in KINDS for actor in actors.filter(kind)):
            if actor.id != self._ego.id:
                place = pose(actor.get_transform())
                speed_mps = max(forward_mps(actor.get_velocity(), heading), 0.0)
                found.append(Other((place.x_m, place.y_m), *self._size(actor), speed_mps))
        return tuple(found)

    def _size(self, actor: Any) -> tuple[float, float]:
        """Half length and half width. Clients from 0.9.16 on ask the server for them."""
        if actor.id not in self._sizes:
            extent = actor.bounding_box.extent
            self._sizes[actor.id] = (float(extent.x), float(extent.y))
        return self._sizes[actor.id]
