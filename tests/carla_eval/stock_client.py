"""The stock `carla` client against the test server: a server, a world in steps, an ego, sensors."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from carla_server.blueprints import STREAMLESS
from carla_server.process import ServerProcess

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

SIX = {
    "sensor.camera.rgb": {"image_size_x": "64", "image_size_y": "32", "fov": "100"},
    "sensor.camera.depth": {"image_size_x": "16", "image_size_y": "8"},
    "sensor.camera.semantic_segmentation": {"image_size_x": "16", "image_size_y": "8"},
    "sensor.lidar.ray_cast": {"channels": "16", "points_per_second": "8000"},
    "sensor.other.gnss": {},
    "sensor.other.imu": {},
}
STEP = 0.05  # s


def connect(server: ServerProcess) -> tuple[Any, Any]:
    """A client, and the world in synchronous mode.

    Args:
        server: that runs.
    """
    client = carla.Client("127.0.0.1", server.port)
    client.set_timeout(5.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, STEP
    world.apply_settings(settings)
    return client, world


@contextmanager
def running(*arguments: str) -> Iterator[tuple[ServerProcess, Any, Any]]:
    """A server, a client and its world.

    Args:
        arguments: of the server.
    """
    with ServerProcess(arguments) as server:
        yield server, *connect(server)


def vehicle(world: Any, x: float = 20.0, y: float = 1.75, yaw: float = 0.0) -> Any:
    """A car in the right lane of the small town's first straight.

    Args:
        world: of the client.
        x: where (m).
        y: where (m).
        yaw: degrees.
    """
    blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
    blueprint.set_attribute("role_name", "hero")
    pose = carla.Transform(carla.Location(x, y, 0.1), carla.Rotation(yaw=yaw))
    return world.spawn_actor(blueprint, pose)


def attach(
    server: ServerProcess, world: Any, parent: Any, name: str, **attributes: str
) -> tuple[Any, queue.Queue[Any]]:
    """A sensor on a vehicle, and the queue that its data go to.

    The client subscribes to streams in threads of its own: a tick right after `listen` may come too
    early, and its data are then not sent. So this waits until the server knows of the subscription.

    Args:
        server: that runs.
        world: of the client.
        parent: the vehicle.
        name: of the blueprint.
        attributes: of the sensor.
    """
    blueprint = world.get_blueprint_library().find(name)
    for key, value in attributes.items():
        blueprint.set_attribute(key, value)
    pose = carla.Transform(carla.Location(x=1.3, z=2.3), carla.Rotation(yaw=-60.0))
    sensor = world.spawn_actor(blueprint, pose, attach_to=parent)
    data: queue.Queue[Any] = queue.Queue()
    sensor.listen(data.put)
    until = time.monotonic() + 5.0
    while name not in STREAMLESS and sensor.id not in server.report()["listened_to"]:
        assert time.monotonic() < until, f"the client has not subscribed to {name}"
    return sensor, data
