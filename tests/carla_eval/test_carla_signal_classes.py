"""Lights by their colour, and stop lines, in the segmentation of CARLA's class."""

from __future__ import annotations

import time

import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive.types import AnyArray
from auxdrive_eval.simulators.base import Simulator
from server_of_carla import STAND, running

SCENE = ("--scene", "carla_eval.carla_scenes:LightsAbove")
WIDTH, HEIGHT, FOCAL, EYE_M = 160, 120, 80.0, 1.6
CAMERA = {"width": WIDTH, "height": HEIGHT, "fov_deg": 90.0, "x_m": 1.7, "z_m": EYE_M}
LIT = {"red_light", "yellow_light", "green_light"}
LIGHT_M, LINE_M = (120.25, -5.5, 3.6), 120.0
"""The head of the small town's light, and the x of its stop line."""


def seen_with(simulator: Simulator, lit: str) -> AnyArray:
    """The classes, once lit lamps of this class alone are seen ("" for none), and three ticks
    later: what a light shows reaches a client late.
    """
    until = time.monotonic() + 10.0
    for after in range(1_000):
        simulator.step(STAND)
        seen = simulator.sense([Modality.SEGMENTATION])[Modality.SEGMENTATION]
        names = {SEGMENTATION_CLASSES[i] for i in np.unique(seen)}
        if after >= 3 and names & LIT == {lit} - {""}:
            return seen
        assert time.monotonic() < until, names
    raise AssertionError


def where(seen: AnyArray, name: str) -> tuple[AnyArray, AnyArray]:
    rows, columns = np.nonzero(seen == SEGMENTATION_CLASSES.index(name))
    return rows, columns


def test_a_head_has_the_colour_that_its_light_shows_and_lines_are_told_from_road() -> None:
    with running(*SCENE, camera=CAMERA, modalities=("segmentation",)) as (server, simulator):
        route = simulator.plan("Small", [(112.0, -1.75), (150.0, -1.75)])
        eye_x = simulator.reset(route, 0).ego.x_m + 1.7
        world = carla.Client("127.0.0.1", server.port).get_world()
        until = time.monotonic() + 10.0
        while not (lights := world.get_actors().filter("traffic.traffic_light")):
            assert time.monotonic() < until
            simulator.step(STAND)
        (light,) = lights
        forward = LIGHT_M[0] - eye_x
        middle = (
            HEIGHT / 2 - FOCAL * (LIGHT_M[2] - EYE_M) / forward,
            WIDTH / 2 + FOCAL * (-1.75 - LIGHT_M[1]) / forward,
        )
        for state, name in (("Red", "red_light"), ("Yellow", "yellow_light"), ("Off", "")):
            light.set_state(getattr(carla.TrafficLightState, state))
            light.freeze(True)
            seen = seen_with(simulator, name)
            if name:
                rows, columns = where(seen, name)
                assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx(middle, abs=1.0)
                assert len(rows) == pytest.approx((0.8 * 2.1) * (FOCAL / forward) ** 2, rel=0.6)
        rows, columns = where(seen, "stop_line")
        row = HEIGHT / 2 + FOCAL * EYE_M / (LINE_M - eye_x)
        assert rows.mean() == pytest.approx(row, abs=1.0)
        assert np.ptp(columns) == pytest.approx(FOCAL * 3.5 / (LINE_M - eye_x), abs=4.0)
        # from the other lane the head is seen from behind
        simulator.reset(simulator.plan("Small", [(140.0, 1.75), (90.0, 1.75)]), 0)
        seen_with(simulator, "")
