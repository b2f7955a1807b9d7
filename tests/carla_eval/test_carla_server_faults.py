"""Each fault that a test may order does what it says, as the stock client sees it."""

from __future__ import annotations

import queue
import time
from pathlib import Path

import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from carla_server.process import ServerProcess
from stock_client import attach, connect, running, vehicle

SMALL = {"image_size_x": "8", "image_size_y": "4"}
WAIT = 0.3  # s: nothing more comes


def test_a_dropped_frame_a_repeated_frame_and_a_black_frame() -> None:
    with running() as (server, _, world):
        ego = vehicle(world)
        first, camera = attach(server, world, ego, "sensor.camera.rgb", **SMALL)
        second, depth = attach(server, world, ego, "sensor.camera.depth", **SMALL)
        server.fault("drop", sensor="sensor.camera.rgb", tick=1, count=2)
        frames = [world.tick() for _ in range(5)]
        assert [camera.get(timeout=5.0).frame for _ in range(3)] == [frames[0], *frames[3:]]
        with pytest.raises(queue.Empty):
            camera.get(timeout=WAIT)
        assert [depth.get(timeout=5.0).frame for _ in range(5)] == frames
        server.fault("repeat", sensor="sensor.camera.rgb", tick=1)
        more = [world.tick() for _ in range(3)]
        assert [camera.get(timeout=5.0).frame for _ in range(3)] == [more[0], more[0], more[2]]
        server.fault("black", sensor="sensor.camera", tick=0, count=2)
        world.tick()
        world.tick()
        for expected in (0, 1):
            for data in (camera, depth):
                image = data.get(timeout=5.0)
                while image.frame <= more[-1]:  # depth has more[] still waiting
                    image = data.get(timeout=5.0)
                colours = np.frombuffer(image.raw_data, np.uint8).reshape(-1, 4)[:, :3]
                assert colours.any() == expected  # the client makes all alphas 255
        assert first.is_alive
        assert second.is_alive
        assert [kind for _, kind, _ in server.report()["struck"]] == [
            *("drop", "drop", "repeat", "black", "black")
        ]


def test_a_hang_times_the_client_out_and_passes() -> None:
    with running() as (server, client, world):
        server.fault("hang", tick=1, seconds=1.0)
        client.set_timeout(0.4)
        world.tick()
        began = time.monotonic()
        with pytest.raises(RuntimeError, match="time-out"):
            world.tick(0.4)
        assert time.monotonic() - began < 1.0
        client.set_timeout(5.0)
        assert world.tick() >= 2
        assert time.monotonic() - began >= 1.0


def test_a_server_that_dies_is_started_again_on_its_port() -> None:
    with running() as (server, client, world):
        ego = vehicle(world)
        sensor, images = attach(server, world, ego, "sensor.camera.rgb", **SMALL)
        server.fault("die", tick=3)
        client.set_timeout(1.0)
        frames = [world.tick() for _ in range(3)]
        with pytest.raises(RuntimeError):
            world.tick(1.0)
        assert server.wait() == 134
        assert [images.get(timeout=5.0).frame for _ in range(3)] == frames
        sensor.stop()
        port = server.port
        server.restart()
        assert server.port == port
        _, again = connect(server)
        assert not again.get_actors().filter("vehicle.*")
        assert again.tick() > 0
        assert server.report()["struck"] == []


def test_faults_of_the_command_line(tmp_path: Path) -> None:
    told = ("--struck", str(tmp_path / "struck"))
    fault = ("--fault", "kind=drop,sensor=sensor.other.gnss,count=3")
    with running(*fault, *told) as (server, _, world):
        sensor, places = attach(server, world, vehicle(world), "sensor.other.gnss")
        frames = [world.tick() for _ in range(5)]
        assert [places.get(timeout=5.0).frame for _ in range(2)] == frames[3:]
        assert sensor.is_alive
        assert len(server.report()["struck"]) == 3
        assert (tmp_path / "struck").read_text().count(" drop sensor.other.gnss\n") == 3


def test_how_long_time_ran_freely_moves_no_fault() -> None:
    with ServerProcess(["--fault", "kind=die,tick=3"]) as server:
        until = time.monotonic() + 10.0
        while server.report()["frame"] < 20:
            assert time.monotonic() < until
            time.sleep(0.01)
        client, world = connect(server)
        client.set_timeout(1.0)
        before = server.report()["ticks"]
        for _ in range(2 - before):
            world.tick()
        with pytest.raises(RuntimeError):
            world.tick(1.0)
        assert server.wait() == 134
