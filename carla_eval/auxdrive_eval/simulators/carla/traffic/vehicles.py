"""Background traffic: vehicles that CARLA's traffic manager drives, decided by a seed."""

from __future__ import annotations

import contextlib
import math
import random
import socket
from typing import Any

from auxdrive.errors import SimulatorError

from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.deadlines import ended_after
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.spec import CarlaOptions
from auxdrive_eval.simulators.carla.versions import stop_manager

ROLE = "background"
"""By which the leaderboard's criterion of the minimum speed knows them."""
PORTS = range(8000, 20000)
"""Below those that systems give to outgoing connections."""
CLEAR_M = 15.0
"""No vehicle begins nearer to the ego than this."""
GAP_M = 2.5
STOPPING_S = 10.0
WHEELS = 4


class Traffic:
    """The other vehicles of one route, and the traffic manager that drives them.

    Args:
        session: with the server, in synchronous mode and with its town loaded: a traffic manager
            that runs freely beside `load_world` ends the process.
        cast: that removes them.
        options: how many.
        ego: the `carla.Vehicle` that is driven.
        seed: decides which vehicles begin where, and how they are driven.
    """

    def __init__(
        self, session: Session, cast: Cast, options: CarlaOptions, ego: Any, seed: int
    ) -> None:
        self._session = session
        self.vehicles: list[Any] = []
        self._manager: Any = None
        if options.traffic == 0:
            return
        port = options.traffic_port or free_port()
        with session.asked("for a traffic manager"):
            self._manager = session.client.get_trafficmanager(port)
            self._manager.set_synchronous_mode(True)
            self._manager.set_random_device_seed(seed % 2**31)
            self._manager.set_global_distance_to_leading_vehicle(GAP_M)
        # It has been running freely until now. When this tick is over it waits for the next one, so
        # that it begins with its vehicles at the same tick in each drive.
        session.tick()
        self._populate(cast, options.traffic, ego, random.Random(seed))
        with session.asked("to let traffic drive"):
            for vehicle in self.vehicles:
                vehicle.set_autopilot(True, port)

    def speeds_mps(self) -> tuple[float, ...]:
        """The speed of each vehicle after the last tick. The traffic manager removes those that
        have been stuck for long.
        """
        velocities = [vehicle.get_velocity() for vehicle in self.vehicles if vehicle.is_alive]
        return tuple(math.hypot(each.x, each.y, each.z) for each in velocities)

    def close(self) -> None:
        """End the traffic manager; the cast removes the vehicles. Where the server is gone, this
        ends the process.
        """
        manager, self._manager = self._manager, None
        if manager is not None:
            with contextlib.suppress(RuntimeError), ended_after(STOPPING_S):
                stop_manager(manager)

    def _populate(self, cast: Cast, count: int, ego: Any, chance: random.Random) -> None:
        blueprints = self._blueprints()
        places = sorted(
            self._session.map.get_spawn_points(), key=lambda at: (at.location.x, at.location.y)
        )
        chance.shuffle(places)
        here = ego.get_transform().location
        for place in places:
            if len(self.vehicles) == count:
                break
            away = math.hypot(place.location.x - here.x, place.location.y - here.y)
            blueprint = chance.choice(blueprints)
            blueprint.set_attribute("role_name", ROLE)
            if away >= CLEAR_M and (made := cast.spawn(blueprint, place)) is not None:
                self.vehicles.append(made)

    def _blueprints(self) -> list[Any]:
        """Cars with four wheels, in order of their names."""
        library = self._session.world.get_blueprint_library().filter("vehicle.*")
        cars = [
            each
            for each in library
            if each.has_attribute("number_of_wheels")
            and int(each.get_attribute("number_of_wheels")) == WHEELS
        ]
        return sorted(cars, key=lambda each: str(each.id))


def free_port() -> int:
    """A port of this machine on which nobody listens.

    Raises:
        SimulatorError: there is none among `PORTS`.
    """
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as trial:
            try:
                trial.bind(("", port))
            except OSError:
                continue
            return port
    raise SimulatorError(f"no port from {PORTS[0]} to {PORTS[-1]} is free for a traffic manager")
