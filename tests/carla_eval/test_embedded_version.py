"""Some numbers of an embedded world, together with its version: a change of the world makes this
test fail, which reminds of raising the version.
"""

from __future__ import annotations

import math

import numpy as np
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.town.generate import town_from_name
from auxdrive_eval.simulators.embedded.version import VERSION

HELD_VERSION = "6"
HELD = {
    "lanes": (68.0000, 4232.6954),
    "props": (446.0000, 77193.7273),
    "route": (357.0000, 356.9835, 41889.0289),
    "weather": (88.2894, 305.9332, 25.9038),
    "start": (115.7156, 139.8807, 3.1138),
    "ego after 5 s": (96.8828, 140.0891, 6.5000),
    "cars after 5 s": (-66.6655, 137.7103, -144.0568, -89.8035),
}


def numbers() -> dict[str, tuple[float, ...]]:
    """Some numbers of town 1003 with ten cars and seed 7, driven by the expert for 5 s."""
    simulator = EmbeddedSimulator(render=False, traffic=10)
    route = simulator.random_route(1003)
    town = town_from_name(route.town)
    state = start = simulator.reset(route, seed=7)
    for _ in range(100):
        state = simulator.step(simulator.expert())
    cars = simulator.scene().cars
    return {
        "lanes": (len(town.lanes), sum(lane.length_m for lane in town.lanes.values())),
        "props": (len(town.props), sum(abs(prop.x_m) + abs(prop.y_m) for prop in town.props)),
        "route": (len(route.points), route.length_m, float(np.abs(route.points).sum())),
        "weather": (
            route.weather.cloudiness,
            route.weather.sun_azimuth_deg,
            route.weather.sun_altitude_deg,
        ),
        "start": (start.ego.x_m, start.ego.y_m, math.remainder(start.ego.yaw_rad, math.tau)),
        "ego after 5 s": (state.ego.x_m, state.ego.y_m, state.speed_mps),
        "cars after 5 s": (cars[0].x_m, cars[0].y_m, cars[1].x_m, cars[1].y_m),
    }


def test_a_world_that_changes_has_another_version() -> None:
    said = (
        "the embedded world is another one: raise VERSION in "
        "auxdrive_eval/simulators/embedded/version.py, and put the new numbers here"
    )
    assert HELD_VERSION == VERSION, said
    for name, values in numbers().items():
        np.testing.assert_allclose(values, HELD[name], atol=1e-3, err_msg=f"{name}: {said}")
