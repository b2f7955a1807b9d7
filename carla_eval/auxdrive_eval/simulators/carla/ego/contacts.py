"""What the ego touches, as CARLA's collision sensor reports it."""

from __future__ import annotations

import threading
from typing import Any

from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.carla.border import transform
from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.world import CollisionKind, Contact, Point

GROUND = ("static.road", "static.sidewalk", "static.ground")
"""Driving over these is no collision."""


class Contacts:
    """The collisions of an ego.

    Args:
        session: with the server.
        cast: that removes the sensor.
        vehicle: the ego, a `carla.Vehicle`.
    """

    def __init__(self, session: Session, cast: Cast, vehicle: Any) -> None:
        self._lock = threading.Lock()
        self._events: dict[int, tuple[CollisionKind, str]] = {}
        blueprint = cast.blueprint("sensor.other.collision")
        self._sensor = cast.spawn(blueprint, transform(session.carla, (0.0, 0.0, 0.0)), vehicle)
        if self._sensor is None:
            raise SimulationCrashed("the CARLA server did not attach a collision sensor")
        with session.asked("to listen to collisions"):
            self._sensor.listen(self._hit)

    def taken(self, place: Point) -> tuple[Contact, ...]:
        """What was touched since the last call, each once. An event may come a moment after its
        tick, and then counts for the next one.

        Args:
            place: where the ego is, in the world frame; as in the leaderboard, a collision lies
                there.
        """
        with self._lock:
            events, self._events = self._events, {}
        return tuple(
            Contact(kind, other_id, type_id, place)
            for other_id, (kind, type_id) in sorted(events.items())
        )

    def _hit(self, event: Any) -> None:
        other = event.other_actor
        kind = kind_of(other.type_id)
        if kind is not None:
            with self._lock:
                self._events[int(other.id)] = (kind, str(other.type_id))


def kind_of(type_id: str) -> CollisionKind | None:
    """What a collision is with; None if it counts as none.

    Args:
        type_id: of the other actor, such as `vehicle.audi.tt` or `static.building`.
    """
    if type_id.startswith(GROUND):
        return None
    if type_id.startswith("walker"):
        return CollisionKind.PEDESTRIAN
    if type_id.startswith("vehicle"):
        return CollisionKind.VEHICLE
    return CollisionKind.LAYOUT
