"""The stock client drives in the test server: every frame of six sensors, as it was sent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from carla_server.actors import Actor
from carla_server.geometry import Box, Pose
from carla_server.scene import PlainScene, View
from carla_server.small_town import small_xodr
from carla_server.town import Town
from stock_client import SIX, STEP, attach, running, vehicle


def drawn(data: Any, sensor: Any) -> View:
    """What the server's scene was asked when it drew this frame."""
    described = [0, sensor.type_id, [[k, 0, v] for k, v in sensor.attributes.items()]]
    actor = Actor(sensor.id, sensor.type_id, described, Pose(), Box())
    return View(sensor.type_id, Pose(), data.frame, actor, (), (), Town("Small", small_xodr()))


def check(name: str, sensor: Any, data: Any, state: Any) -> None:
    """The data equal what the scene drew, or what the snapshot says of the ego."""
    place = carla.Location(*(getattr(data.transform.location, axis) for axis in "xyz"))
    expected = state.get_transform().transform(carla.Location(x=1.3, z=2.3))
    assert place.distance(carla.Location(expected.x, expected.y, expected.z)) < 1e-3
    if name.startswith("sensor.camera"):
        pixels = np.frombuffer(data.raw_data, np.uint8).reshape(data.height, data.width, 4)
        assert np.array_equal(pixels, PlainScene().image(drawn(data, sensor)))
    elif name.startswith("sensor.lidar"):
        points = np.frombuffer(data.raw_data, np.float32).reshape(-1, 4)
        assert np.array_equal(points, PlainScene().points(drawn(data, sensor)))
        assert sum(data.get_point_count(i) for i in range(data.channels)) == len(points)
    elif name.endswith("gnss"):
        town = Town("Small", small_xodr())
        sent = town.geographic((place.x, place.y, place.z))
        assert (data.latitude, data.longitude) == pytest.approx(sent[:2], abs=1e-9)
    else:
        assert data.accelerometer.z == pytest.approx(9.81, abs=1e-3)
        compass = math.radians(state.get_transform().rotation.yaw - 60.0 + 90.0) % (2 * math.pi)
        assert math.cos(data.compass - compass) == pytest.approx(1.0, abs=1e-6)


def test_six_sensors_for_200_ticks() -> None:
    with running() as (server, client, world):
        assert client.get_server_version() == "0.9.16"
        assert world.get_map().name == "Carla/Maps/Small"
        ego = vehicle(world)
        parts = {name: attach(server, world, ego, name, **given) for name, given in SIX.items()}
        ego.apply_control(carla.VehicleControl(throttle=0.6))
        start = ego.get_location()
        for step in range(200):
            if step == 150:
                ego.apply_control(carla.VehicleControl(brake=1.0))
            frame = world.tick()
            snapshot = world.get_snapshot()
            assert snapshot.frame == frame
            assert snapshot.timestamp.delta_seconds == pytest.approx(STEP)
            for name, (sensor, data) in parts.items():
                got = data.get(timeout=5.0)
                assert got.frame == frame, name
                assert got.timestamp == pytest.approx(snapshot.timestamp.elapsed_seconds)
                if step % 20 == 0:
                    check(name, sensor, got, snapshot.find(ego.id))
        assert all(data.empty() for _, data in parts.values())
        assert ego.get_velocity().length() < 1e-6
        assert ego.get_location().distance(start) > 50.0
        assert server.report()["unknown"] == {}
        for sensor, _ in parts.values():
            sensor.stop()
            assert sensor.destroy()
        assert ego.destroy()
        left = [name.split(".")[0] for name in server.report()["actors"]]
        assert set(left) <= {"spectator", "traffic"}


def test_the_wheel_turns_the_vehicle_and_the_acceleration_is_that_of_its_speed() -> None:
    with running() as (_, _, world):
        ego = vehicle(world)
        ego.apply_control(carla.VehicleControl(throttle=1.0, steer=0.2))
        speeds = []
        for _ in range(40):
            world.tick()
            speeds.append(ego.get_velocity().length())
        assert ego.get_transform().rotation.yaw > 5.0  # right is clockwise
        assert ego.get_angular_velocity().z > 0.0
        control = ego.get_control()
        assert (control.throttle, control.steer) == (1.0, pytest.approx(0.2))
        grown = (speeds[-1] - speeds[-2]) / STEP
        forward = ego.get_transform().get_forward_vector()
        assert ego.get_acceleration().dot(forward) == pytest.approx(grown, abs=0.2)
        assert ego.is_active
        ego.enable_constant_velocity(carla.Vector3D(x=3.0))
        world.tick()
        assert ego.get_velocity().length() == pytest.approx(3.0, abs=1e-5)
        ego.disable_constant_velocity()
        ego.set_simulate_physics(False)
        ego.set_transform(carla.Transform(carla.Location(50.0, 1.0, 3.0)))
        world.tick()
        assert ego.get_location().distance(carla.Location(50.0, 1.0, 3.0)) < 1e-4


def test_sensor_tick_and_radar() -> None:
    with running() as (server, _, world):
        ego = vehicle(world)
        sensor, rare = attach(server, world, ego, "sensor.camera.rgb", sensor_tick="0.1", **SMALL)
        radar, detections = attach(server, world, ego, "sensor.other.radar")
        frames = [world.tick() for _ in range(10)]
        got = [rare.get(timeout=5.0).frame for _ in range(5)]
        assert got == frames[::2]
        assert rare.empty()
        first = detections.get(timeout=5.0)
        assert len(first) == 8
        assert first[0].depth == pytest.approx(10.0)
        assert sensor.is_listening
        assert radar.is_listening


SMALL = {"image_size_x": "8", "image_size_y": "4"}
