"""A simulator that starts its servers itself, and short routes of the small town there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from carla_folder import carla_folder
from carla_server.process import free_port

SMALL = [
    [(30.0, -1.75), (70.0, -1.75)],
    [(150.0, 1.75), (120.0, 1.75)],
    [(150.0, 81.75), (110.0, 81.75)],
    [(60.0, 1.75), (35.0, 1.75)],
    [(150.0, 78.25), (175.0, 78.25)],
]
TIMES = {"timeout_s": 2.0, "sensor_timeout_s": 1.0}
CAMERA = {"width": 16, "height": 12, "fov_deg": 90.0, "x_m": 1.7, "z_m": 1.6}


def settings_in(folder: Path, *arguments: str, **options: Any) -> SimulatorSettings:
    """Settings of a simulator whose servers are started from a folder.

    Args:
        folder: that looks like CARLA's.
        arguments: of each server.
        options: of the simulator, and `faults` of the servers.
    """
    faults = options.pop("faults", ())
    root = carla_folder(
        folder, "--scene", "carla_eval.carla_scenes:Still", *arguments, faults=faults
    )
    own = {"carla_root": str(root), "port": free_port(), "max_steer_deg": 40.0, "camera": CAMERA}
    return SimulatorSettings(
        kind="carla",
        options={"town": "Small", "traffic": 2, "modalities": ["rgb"], **TIMES, **own, **options},
    )


def planned(settings: SimulatorSettings, count: int = len(SMALL)) -> list[Route]:
    """Short routes of the small town.

    Args:
        settings: of the simulator that plans them.
        count: how many.
    """
    with closing(make_simulator(settings, sensors=False)) as simulator:
        ways = enumerate(SMALL[:count])
        return [simulator.plan("Small", way, str(number)) for number, way in ways]
