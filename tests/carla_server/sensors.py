"""What each kind of sensor sends: the payloads that the stock client decodes."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgpack
import numpy as np

from .actors import Actor
from .dialects import spoken
from .geometry import Vector, plus
from .scene import View

if TYPE_CHECKING:
    from .world import World

COLLISION, DEPTH, GNSS, IMU, RADAR, LIDAR = 0, 1, 4, 5, 9, 11
RGB, SEGMENTATION = 13, 14
GRAVITY = 9.81  # m/s^2

Payload = Callable[["World", Actor], bytes]


def header(world: World, kind: int, sensor: Actor | None = None) -> bytes:
    """What every payload begins with: type, frame, time and the sensor's pose.

    Args:
        world: that ticks.
        kind: type of the sensor.
        sensor: whose data follow; None for the observer of the world.
    """
    pose = (0.0,) * 6 if sensor is None else sensor.pose.location + sensor.pose.rotation
    return struct.pack("<QQd6f", kind, world.frame, world.elapsed, *pose)


def snapshot(world: World) -> bytes:
    """The state of the world and of all actors."""
    actors = world.actors
    rows = [
        a.state(actors[a.at_light].phase.shows if a.at_light in actors else 3)
        for a in actors.values()
    ]
    state = (world.episode, world.platform_time, world.settings.step, 0, 0, 0, world.map_changed)
    return b"".join([header(world, spoken().observer), struct.pack("<Qdf3ii", *state), *rows])


def collision(world: World, sensor: Actor, other: Actor, hit: Vector) -> bytes:
    """An event of a collision sensor.

    Args:
        world: that ticks.
        sensor: whose parent was hit.
        other: what it touched.
        hit: impulse (N s).
    """
    parent = world.actors[sensor.parent]
    body = msgpack.packb([parent.wire(), other.wire(), list(hit)])
    return header(world, COLLISION, sensor) + bytes(body)


def _view(world: World, sensor: Actor) -> View:
    return View(
        sensor.blueprint,
        sensor.pose,
        world.frame,
        sensor,
        tuple(world.actors.values()),
        tuple(world.weather),
        world.town,
    )


def _camera(kind: int) -> Payload:
    def payload(world: World, sensor: Actor) -> bytes:
        view = _view(world, sensor)
        width, height = view.size
        pixels = np.ascontiguousarray(world.scene.image(view), np.uint8)
        if pixels.shape != (height, width, 4):
            raise ValueError(f"{sensor.blueprint}: {pixels.shape}, not {(height, width, 4)}")
        if world.faults.takes("black", sensor.blueprint):
            pixels = np.zeros_like(pixels)
        size = struct.pack("<IIf", width, height, float(sensor.attribute("fov", "90")))
        return header(world, kind, sensor) + size + pixels.tobytes()

    return payload


def _lidar(world: World, sensor: Actor) -> bytes:
    points = np.ascontiguousarray(world.scene.points(_view(world, sensor)), np.float32)
    channels = int(sensor.attribute("channels", "32"))
    each = [len(part) for part in np.array_split(points, channels)]
    turned = float(sensor.attribute("rotation_frequency", "10")) * world.elapsed * 360 % 360
    start = struct.pack(f"<fI{channels}I", turned, channels, *each)
    return header(world, LIDAR, sensor) + start + points.tobytes()


def _radar(world: World, sensor: Actor) -> bytes:
    rows = [(0.0, 0.01 * i, 0.0, 10.0 + i) for i in range(8)]  # velocity, azimuth, altitude, depth
    return header(world, RADAR, sensor) + np.asarray(rows, np.float32).tobytes()


def _gnss(world: World, sensor: Actor) -> bytes:
    place = world.town.geographic(sensor.pose.location)
    return header(world, GNSS, sensor) + bytes(msgpack.packb(list(place)))


def _imu(world: World, sensor: Actor) -> bytes:
    parent = world.actors.get(sensor.parent, sensor)
    felt = sensor.pose.turn_back(plus(parent.acceleration, (0.0, 0.0, GRAVITY)))
    turning = sensor.pose.turn_back(parent.angular_velocity)
    compass = math.radians(sensor.pose.rotation[1] + 90.0) % (2 * math.pi)
    body = [list(felt), [math.radians(rate) for rate in turning], compass]
    return header(world, IMU, sensor) + bytes(msgpack.packb(body))


PAYLOADS: dict[str, Payload] = {
    "sensor.camera.rgb": _camera(RGB),
    "sensor.camera.depth": _camera(DEPTH),
    "sensor.camera.semantic_segmentation": _camera(SEGMENTATION),
    "sensor.lidar.ray_cast": _lidar,
    "sensor.other.radar": _radar,
    "sensor.other.gnss": _gnss,
    "sensor.other.imu": _imu,
}
