"""Parts of the test server by themselves: geometry, the small town, its life as a process."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import threading
import time

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from carla_server.faults import Fault, Faults
from carla_server.geometry import Box, Pose, touch
from carla_server.process import TESTS, ServerProcess, ask
from carla_server.scene import Image, PlainScene, View
from carla_server.server import Server
from carla_server.small_town import small_xodr
from carla_server.town import Town
from carla_server.world import World

SMALL = Town("Small", small_xodr())


def test_poses_are_those_of_carla() -> None:
    draw = random.Random(3)
    for _ in range(50):
        place = tuple(draw.uniform(-50.0, 50.0) for _ in range(3))
        turned = draw.uniform(-80.0, 80.0), draw.uniform(-180.0, 180.0), draw.uniform(-90.0, 90.0)
        point = tuple(draw.uniform(-5.0, 5.0) for _ in range(3))
        pose = Pose(place, turned)
        theirs = carla.Transform(carla.Location(*place), carla.Rotation(*turned))
        moved = theirs.transform(carla.Location(*point))
        assert pose.point(point) == pytest.approx((moved.x, moved.y, moved.z), abs=1e-3)
        assert pose.local(pose.point(point)) == pytest.approx(point, abs=1e-9)
        child = Pose(point, (10.0, -20.0, 30.0))
        corner = pose.then(child).point((1.0, 2.0, 3.0))
        assert corner == pytest.approx(pose.point(child.point((1.0, 2.0, 3.0))), abs=1e-9)


def test_boxes_touch_where_they_overlap() -> None:
    car = Box((0.0, 0.0, 0.75), (2.4, 1.0, 0.75))
    assert touch(car, Pose(), car, Pose((4.7, 0.0, 0.0)))
    assert not touch(car, Pose(), car, Pose((4.9, 0.0, 0.0)))
    assert touch(car, Pose(), car, Pose((0.0, 3.3, 0.0), (0.0, 90.0, 0.0)))
    assert not touch(car, Pose(), car, Pose((0.0, 2.1, 0.0)))
    assert not touch(car, Pose(), car, Pose((4.4, 3.2, 0.0), (0.0, 45.0, 0.0)))
    assert not touch(car, Pose(), car, Pose((0.0, 0.0, 1.6)))


def test_the_small_town_is_a_round_trip() -> None:
    waypoint = SMALL.map.get_waypoint(carla.Location(20.0, 1.75))
    roads = [waypoint.road_id]
    for _ in range(400):
        waypoint = waypoint.next(2.0)[0]
        if waypoint.road_id != roads[-1]:
            roads.append(waypoint.road_id)
    assert roads[:5] in ([1, 2, 3, 4, 1], [1, 4, 3, 2, 1])
    assert {sign.blueprint for sign in SMALL.signs} == {"traffic.traffic_light", "traffic.stop"}
    elsewhere = Town("Elsewhere", small_xodr(49.0, 8.0)).geographic((0.0, 0.0, 0.0))
    assert elsewhere == pytest.approx((49.0, 8.0, 0.0))


def test_faults_are_read_and_strike_as_often_as_they_say() -> None:
    faults = Faults([Fault.read("kind=drop,sensor=sensor.camera,tick=2,count=2")])
    struck = []
    for faults.tick in range(1, 6):
        struck += [faults.tick] if faults.takes("drop", "sensor.camera.rgb") else []
        assert not faults.takes("drop", "sensor.lidar.ray_cast")
    assert struck == [2, 3]
    with pytest.raises(ValueError, match="choose from"):
        Fault.read("kind=explode")
    with pytest.raises(ValueError, match="speed"):
        Fault.read("kind=drop,speed=3")


def test_in_process_it_leaves_no_thread_and_no_port() -> None:
    before = threading.active_count()
    with Server(World(lambda name: SMALL, SMALL)) as server:
        assert ask(server.port, "version") == "0.9.16"
        assert ask(server.port, "tick_cue") >= 1
        with pytest.raises(RuntimeError, match="not served"):
            ask(server.port, "no_such_call")
        with pytest.raises(RuntimeError, match="positional argument"):
            ask(server.port, "spawn_actor")
        report = ask(server.port, "test_report")
    assert list(report["unknown"]) == ["no_such_call"]
    assert len(report["failures"]) == 1
    assert threading.active_count() == before
    with (
        pytest.raises(OSError, match="refused"),
        socket.create_connection(("127.0.0.1", server.port), 1.0),
    ):
        pass


def test_a_scene_that_fails_is_told() -> None:
    class Broken(PlainScene):
        def image(self, view: View) -> Image:
            raise RuntimeError("no paint")

    world = World(lambda name: SMALL, SMALL, Broken())
    camera = world.spawn([0, "sensor.camera.rgb", []], Pose())
    with (
        Server(world) as server,
        socket.create_connection(("127.0.0.1", world.streams.port), 5.0) as link,
    ):
        link.sendall(camera.id.to_bytes(4, "little"))
        until = time.monotonic() + 5.0
        while not ask(server.port, "test_report")["failures"]:
            assert time.monotonic() < until
    assert "no paint" in world.log.failures[0]


def test_it_ends_with_its_parent() -> None:
    code = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(TESTS)!r})\n"
        "from carla_server.process import ServerProcess\n"
        "server = ServerProcess()\n"
        "server.start()\n"
        "print(server.port, flush=True)\n"
        "os._exit(9)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False
    )
    assert found.returncode == 9
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        try:
            ask(int(found.stdout), "version", patience=1.0)
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError("the server outlived its parent")


def test_a_port_that_is_taken_is_said() -> None:
    with ServerProcess() as first:
        second = ServerProcess(port=first.port)
        with pytest.raises(RuntimeError, match="before it was ready"):
            second.start()
