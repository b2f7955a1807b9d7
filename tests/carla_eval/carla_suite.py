"""Where the suite `carla` drives: the server that CARLA_HOST and CARLA_PORT name, or a test
server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from auxdrive.types import Control
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings
from carla_report import server_of_the_user
from carla_server.process import ServerProcess

CAMERA = {"width": 160, "height": 90, "fov_deg": 100.0, "x_m": 1.7, "z_m": 1.6}
EGO = "vehicle.lincoln.mkz_2020"
TRAFFIC = 5
STRAIGHT_M, STRAIGHT_RAD, MOST_SEEDS = 60, 0.02, 200
STAND = Control(0.0, 0.0, 1.0)


@contextmanager
def a_server() -> Iterator[tuple[str, int]]:
    """Host and port."""
    given = server_of_the_user()
    if given is not None:
        yield given
        return
    with ServerProcess(["--scene", "carla_eval.carla_scenes:Still"]) as own:
        yield "127.0.0.1", own.port


def settings_for(address: tuple[str, int]) -> SimulatorSettings:
    """Settings for the town that a server has loaded.

    Args:
        address: host and port of the server.
    """
    town = client_of(address).get_world().get_map().name.split("/")[-1]
    own = {"host": address[0], "port": address[1], "town": town, "ego": EGO}
    steering = {} if server_of_the_user() else {"max_steer_deg": 40.0}
    return SimulatorSettings(
        kind="carla", options={"camera": CAMERA, "traffic": TRAFFIC, **own, **steering}
    )


def client_of(address: tuple[str, int]) -> Any:
    """A client beside that of the simulator; it never ticks.

    Args:
        address: host and port of the server.
    """
    import carla

    client = carla.Client(*address)
    client.set_timeout(60.0)
    return client


def straight_route(simulator: Simulator) -> Route:
    """A straight piece of a random route.

    Args:
        simulator: that plans it.
    """
    for seed in range(MOST_SEEDS):
        whole = simulator.random_route(seed)
        yaws = np.unwrap(whole.yaw_rad)
        for first in range(0, len(yaws) - STRAIGHT_M, 10):
            if np.ptp(yaws[first : first + STRAIGHT_M]) < STRAIGHT_RAD:
                ends = whole.points[[first, first + STRAIGHT_M - 1]].tolist()
                return simulator.plan(whole.town, ends, "straight")
    raise AssertionError(f"no straight piece of {STRAIGHT_M} m was found")
