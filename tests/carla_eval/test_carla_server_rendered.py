"""The test server's camera shows what the embedded renderer draws of the server's world."""

from __future__ import annotations

import queue
import time
from typing import Any

import carla_towns
import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")
pytest.importorskip("panda3d", reason="needs the extra [sim]")

from auxdrive.types import UInt8
from stock_client import running, vehicle

HEIGHT, WIDTH = 72, 128


class Eye:
    """A camera that looks ahead from a car.

    Args:
        world: in steps.
        car: that carries it.
    """

    def __init__(self, world: Any, car: Any) -> None:
        blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
        for name, value in (("image_size_x", WIDTH), ("image_size_y", HEIGHT), ("fov", 90)):
            blueprint.set_attribute(name, str(value))
        mount = carla.Transform(carla.Location(x=0.3, z=1.6))
        self._world, self._data = world, queue.Queue()
        self._sensor = world.spawn_actor(blueprint, mount, attach_to=car)
        self._sensor.listen(self._data.put)
        until = time.monotonic() + 20.0
        while self._data.empty():
            assert time.monotonic() < until, "the camera sends nothing"
            world.tick()
            time.sleep(0.05)

    def look(self) -> UInt8:
        """RGB after the next tick."""
        frame = self._world.tick()
        while (sent := self._data.get(timeout=20.0)).frame != frame:
            pass
        pixels = np.frombuffer(sent.raw_data, np.uint8).reshape(HEIGHT, WIDTH, 4)
        assert (pixels[..., 3] == 255).all()
        return pixels[..., 2::-1]


def changed(one: UInt8, other: UInt8) -> tuple[float, float]:
    """Where two images differ: the mean row and column."""
    rows, columns = np.nonzero(np.abs(one.astype(int) - other).max(axis=-1) > 60)
    assert len(rows), "nothing has changed"
    return float(rows.mean()), float(columns.mean())


def test_the_road_and_a_car_on_it() -> None:
    with running("--scene", "carla_eval.rendered_scene:Rendered") as (_, _, world):
        eye = Eye(world, vehicle(world, x=20.0))
        empty = eye.look()
        red, green, blue = empty[:20].reshape(-1, 3).mean(axis=0)
        assert blue > red + 30  # the sky
        red, green, blue = empty[-20:, 54:74].reshape(-1, 3).mean(axis=0)
        assert max(red, green, blue) - min(red, green, blue) < 20  # the asphalt
        right = vehicle(world, x=32.0, y=4.5)
        row, column = changed(eye.look(), empty)
        assert row > HEIGHT / 2 - 8
        assert column > WIDTH / 2 + 8  # CARLA's y points to the right
        right.destroy()
        assert np.array_equal(eye.look()[24:], empty[24:])  # clouds may move


def test_a_light_as_the_server_has_it() -> None:
    carla_towns.needs_carla()
    if not carla_towns.TOWNS.is_dir():
        pytest.skip(f"there are no towns in {carla_towns.TOWNS}")
    town = ("--town", "Town02", "--xodr", str(carla_towns.TOWNS))
    with running(*town, "--scene", "carla_eval.rendered_scene:Rendered") as (_, _, world):
        eye = Eye(world, vehicle(world, x=193.7, y=262.0, yaw=-90.0))
        lights = world.get_actors().filter("traffic.traffic_light")
        seen = {}
        for name in ("Red", "Green"):
            for light in lights:
                light.set_state(getattr(carla.TrafficLightState, name))
                light.freeze(True)
            world.tick()
            seen[name] = eye.look().astype(int)
        row, column = changed(seen["Red"].astype(np.uint8), seen["Green"].astype(np.uint8))
        assert row < HEIGHT / 2
        assert column > WIDTH / 2
        lamp = np.abs(seen["Red"] - seen["Green"]).max(axis=-1) > 60
        assert (seen["Red"][lamp][:, 0] > seen["Red"][lamp][:, 1]).any()
        assert (seen["Green"][lamp][:, 1] > seen["Green"][lamp][:, 0]).any()
