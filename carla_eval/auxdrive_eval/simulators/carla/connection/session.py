"""A session with a server: the client, the town, and synchronous time, which is given back when the
session ends.

Time stands still while a town is loaded: where snapshots of the old one still come, the stock
client may free its memory twice and end the process.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from auxdrive.errors import SimulatorError

from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.carla.connection.deadlines import ended_after
from auxdrive_eval.simulators.carla.connection.server import answers
from auxdrive_eval.simulators.carla.spec import CarlaOptions
from auxdrive_eval.simulators.carla.versions import (
    Version,
    agreed_version,
    client_library,
    load_world,
)

SPARE_S = 1.0


class Session:
    """A client of a server.

    Args:
        options: where the server is, and how long it may take.
        port: on which it listens.

    Attributes:
        carla: the module.
        version: of client and server.
        world: the `carla.World` of the town that is loaded.

    Raises:
        MissingExtra: `carla` is not installed.
        SimulatorError: this client cannot speak to the server.
        SimulationCrashed: the server does not answer.
    """

    def __init__(self, options: CarlaOptions, port: int) -> None:
        self.carla = client_library()
        self._options, self._port = options, port
        self._gone = self._closed = False
        self.world: Any
        self.map: Any
        self.client: Any = self.carla.Client(options.host, port)
        self.version: Version = self._connect()

    @property
    def town(self) -> str:
        """The town that is loaded."""
        return _short(self.map.name)

    @property
    def towns(self) -> tuple[str, ...]:
        """The towns of the server, in order of their names."""
        with self.asked("which towns there are"):
            return tuple(sorted({_short(name) for name in self.client.get_available_maps()}))

    def load(self, town: str) -> None:
        """Load a town anew, in which nothing is left of what was there before, and in which time
        waits for `tick`.

        Args:
            town: its name.

        Raises:
            SimulatorError: the server has no such town.
            SimulationCrashed: the server failed.
        """
        if town not in (have := self.towns) and town != self.town:
            raise SimulatorError(
                f"the CARLA server {self._where} has no town '{town}'; it has {', '.join(have)}"
            )
        self._stop_time()
        self.client.set_timeout(self._options.loading_s)
        with self.asked(f"to load {town}"):
            self.world = load_world(self.client, town)
            self.map = self.world.get_map()
        self.client.set_timeout(self._options.timeout_s)
        self._stop_time()

    def tick(self) -> int:
        """Let one tick pass.

        Returns:
            The number of its frame.

        Raises:
            SimulationCrashed: the server is gone or hangs.
        """
        with self.asked("for a tick"), ended_after(2 * self._options.timeout_s + SPARE_S):
            return int(self.world.tick(self._options.timeout_s))

    @contextlib.contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """Turn what the client raises within the `with` block into an error of ours.

        Args:
            what: the server is asked, for the message.

        Raises:
            SimulationCrashed: a call failed, or took too long.
        """
        if self._gone:  # the client would wait for its time-out at each call
            raise SimulationCrashed(f"the CARLA server {self._where} is gone")
        try:
            yield
        except RuntimeError as error:
            self._gone = not answers(self._options.host, self._port)
            raise SimulationCrashed(
                f"the CARLA server {self._where} was asked {what}: {error}"
            ) from error

    def close(self) -> None:
        """Give the server its time back; it runs on by itself then. It may be called again."""
        if self._closed:
            return
        self._closed = True
        gone = contextlib.suppress(SimulationCrashed)  # its settings too
        with gone, self.asked("for its own settings"):
            self.world.apply_settings(self._before)

    @property
    def _where(self) -> str:
        return f"{self._options.host}:{self._port}"

    def _connect(self) -> Version:
        self.client.set_timeout(self._options.timeout_s)
        theirs = self._first_answer()
        version = agreed_version(self.client.get_client_version(), theirs)
        with self.asked("for its world"):
            self.world = self.client.get_world()
            self.map = self.world.get_map()
            self._before = self.world.get_settings()
            self._before.synchronous_mode = False  # else somebody was ended who had stopped time
        return version

    def _first_answer(self) -> str:
        """The version of the server. One that has just been started listens before it answers."""
        until_s = time.monotonic() + self._options.wait_s
        while True:
            try:
                with self.asked("for its version"):
                    return str(self.client.get_server_version())
            except SimulationCrashed:
                if self._gone or time.monotonic() > until_s:
                    raise

    def _stop_time(self) -> None:
        tick_s = self._options.tick_s
        with self.asked("for synchronous time"):
            settings = self.world.get_settings()
            if settings.synchronous_mode and settings.fixed_delta_seconds == tick_s:
                return  # to set them again would wait for a tick
            settings.synchronous_mode = True
            settings.fixed_delta_seconds = tick_s
            self.world.apply_settings(settings)


def _short(name: str) -> str:
    """The name of a town, of which a server gives the path (`Carla/Maps/Town01`)."""
    return name.split("/")[-1]
