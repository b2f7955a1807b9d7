"""A test server with the CARLA simulator on it, and a route there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from auxdrive.types import Control
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from carla_server.process import ServerProcess

AHEAD = [(30.0, -1.75), (110.0, -1.75)]
"""Along the first straight of the small town, in our frame: its right lane lies at y = -1.75."""
GAS, STAND = Control(0.0, 0.6, 0.0), Control(0.0, 0.0, 1.0)


def settings_of(server: ServerProcess, **options: Any) -> SimulatorSettings:
    """Settings for a test server, whose cars steer by 40 degrees.

    Args:
        server: that runs.
        options: of the simulator.
    """
    small = {"camera": {"width": 32, "height": 24, "fov_deg": 90.0, "x_m": 1.7, "z_m": 1.6}}
    times = {"timeout_s": 5.0, "sensor_timeout_s": 1.0, "wait_s": 2.0, "traffic": 0}
    own = {"port": server.port, "town": "Small", "max_steer_deg": 40.0}
    return SimulatorSettings(kind="carla", options={**small, **times, **own, **options})


@contextmanager
def running(*arguments: str, **options: Any) -> Iterator[tuple[ServerProcess, Simulator]]:
    """A server and a simulator of it.

    Args:
        arguments: of the server.
        options: of the simulator.
    """
    with (
        ServerProcess(["--scene", "carla_eval.carla_scenes:Still", *arguments]) as server,
        closing(make_simulator(settings_of(server, **options))) as simulator,
    ):
        yield server, simulator


def on_the_straight(simulator: Simulator) -> Route:
    """A route of 80 m along the first straight.

    Args:
        simulator: that plans it.
    """
    return simulator.plan("Small", AHEAD)
