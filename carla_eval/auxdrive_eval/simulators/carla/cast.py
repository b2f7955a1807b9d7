"""The actors that were spawned here, every one of which is removed again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from auxdrive.errors import SimulatorError

from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.carla.connection.session import Session


class Cast:
    """Spawns actors, and remembers them until they are removed.

    Args:
        session: with the server.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._actors: list[Any] = []

    def blueprint(self, name: str, attributes: Mapping[str, object] | None = None) -> Any:
        """A blueprint with some attributes.

        Args:
            name: of the blueprint, such as `sensor.camera.rgb`.
            attributes: their values by name.

        Raises:
            SimulatorError: this server has no such blueprint or attribute.
        """
        library = self._session.world.get_blueprint_library()
        try:
            found = library.find(name)
        except IndexError:
            similar = sorted(each.id for each in library.filter(f"{name.rsplit('.', 1)[0]}.*"))
            raise SimulatorError(
                f"the CARLA server has no blueprint '{name}'"
                + (f"; it has {', '.join(similar)}" if similar else "")
            ) from None
        for key, value in (attributes or {}).items():
            if not found.has_attribute(key):
                raise SimulatorError(f"CARLA's {name} has no attribute '{key}'")
            found.set_attribute(key, str(value))
        return found

    def spawn(self, blueprint: Any, place: Any, parent: Any = None) -> Any:
        """Spawn an actor.

        Args:
            blueprint: from `blueprint`.
            place: a `carla.Transform`, in the parent's frame if there is one.
            parent: what it is attached to.

        Returns:
            The actor; None if there is no room.

        Raises:
            SimulationCrashed: the server failed.
        """
        with self._session.asked(f"to spawn {blueprint.id}"):
            made = self._session.world.try_spawn_actor(blueprint, place, parent)
        if made is not None:
            self._actors.append(made)
        return made

    def remove(self, actor: Any) -> None:
        """Remove an actor that was spawned here.

        Raises:
            SimulationCrashed: the server failed.
        """
        self._actors = [each for each in self._actors if each.id != actor.id]
        with self._session.asked("to remove an actor"):
            actor.destroy()

    def clear(self) -> None:
        """Remove all, the latest first, so that sensors go before their vehicle. Where the server
        is gone, its actors are too.
        """
        actors, self._actors = self._actors[::-1], []
        gone = contextlib.suppress(SimulationCrashed)
        with gone, self._session.asked("to remove actors"):
            for actor in actors:
                if actor.type_id.startswith("sensor.") and actor.is_listening:
                    actor.stop()
            destroy = self._session.carla.command.DestroyActor
            self._session.client.apply_batch_sync([destroy(actor.id) for actor in actors])
