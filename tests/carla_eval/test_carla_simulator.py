"""The CARLA simulator against the test server, through the stock client."""

from __future__ import annotations

import math
import time
from contextlib import closing

import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive.errors import SimulatorError
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive.types import Control
from auxdrive_eval.simulators.settings import make_simulator
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import CollisionKind
from carla_scenes import DEPTH_M
from carla_server.process import ServerProcess, ask
from server_of_carla import AHEAD, GAS, on_the_straight, running, settings_of


def test_y_and_yaw_are_flipped_once() -> None:
    with running() as (server, simulator):
        route = on_the_straight(simulator)
        assert np.allclose(route.points[:, 1], -1.75, atol=1e-4)
        state = simulator.reset(route, 0)
        assert np.hypot(*(np.array(state.ego_centre) - route.points[0])) < 0.01
        assert state.ego.x_m == pytest.approx(state.ego_centre[0] - 1.43)
        assert (state.frame, state.time_s, state.speed_mps) == (0, 0.0, 0.0)
        assert state.lane is not None
        assert state.lane.width_m == 3.5
        assert state.speed_limit_mps == pytest.approx(30.0 / 3.6)
        assert state.background_mps == ()
        assert abs(state.lane.offset_m) < 1e-3
        world = carla.Client("127.0.0.1", server.port).get_world()
        simulator.step(Control(0.0, 0.0, 1.0))
        for _ in range(20):
            state = simulator.step(Control(0.2, 0.6, 0.0))
        until = time.monotonic() + 10.0
        while world.get_snapshot().frame != server.report()["frame"]:
            assert time.monotonic() < until
        (hero,) = [a for a in world.get_actors() if a.attributes.get("role_name") == "hero"]
        place = hero.get_transform()
        assert place.location.y < 1.75  # to the left
        assert (place.location.x, place.location.y) == pytest.approx(
            (state.ego_centre[0], -state.ego_centre[1]), abs=1e-4
        )
        assert state.ego.yaw_rad > 0.01
        assert math.radians(-place.rotation.yaw) == pytest.approx(state.ego.yaw_rad, abs=1e-5)
        assert state.steer_rad == pytest.approx(0.2, abs=1e-5)
        assert hero.get_control().steer == pytest.approx(-0.2 / math.radians(40.0), abs=1e-5)
        assert state.speed_mps == pytest.approx(hero.get_velocity().length(), abs=1e-4)


def test_frames_are_auxdrives() -> None:
    with running() as (_, simulator):
        simulator.reset(on_the_straight(simulator), 0)
        frames = simulator.sense(list(Modality)[:4])
        assert (frames[Modality.RGB] == (30, 20, 10)).all()
        assert frames[Modality.RGB].shape == (24, 32, 3)
        assert (frames[Modality.DEPTH] == DEPTH_M * 100).all()
        left, right = (frames[Modality.SEGMENTATION][0, column] for column in (0, -1))
        assert [SEGMENTATION_CLASSES[int(tag)] for tag in (left, right)] == ["road", "vehicle"]
        # 10 m ahead of a LiDAR at (1.3, 0, 2.4), 3 m to its right and 2 m below it
        row, column = 63 - int(11.3 / 0.5), 32 + int(3.0 / 0.5)
        counts = np.zeros((64, 64, 2), np.uint8)
        counts[row, column, 1] = 51
        assert np.array_equal(frames[Modality.LIDAR], counts)


def fail_while_driving(server: ServerProcess) -> None:
    """Raise a KeyError beside an ego with its sensors and three other cars.

    Args:
        server: that runs.
    """
    with closing(make_simulator(settings_of(server, traffic=3))) as simulator:
        simulator.reset(on_the_straight(simulator), 0)
        seen = server.report()["actors"]
        assert sum(name.startswith("vehicle.") for name in seen) == 4
        for _ in range(40):
            state = simulator.step(GAS)
        assert len(state.background_mps) == 3
        assert max(state.background_mps) > 1.0
        assert sum(name.startswith("sensor.") for name in seen) == 5
        assert ask(server.port, "get_episode_settings")[0] is True
        raise KeyError


def test_nothing_is_left_behind_after_an_exception() -> None:
    with ServerProcess() as server:
        with pytest.raises(KeyError):
            fail_while_driving(server)
        left = {name.split(".")[0] for name in server.report()["actors"]}
        assert left <= {"spectator", "traffic"}
        assert ask(server.port, "get_episode_settings")[0] is False


def free_ticks(server: ServerProcess) -> int:
    """How many ticks have passed while time ran freely.

    Args:
        server: that counts.
    """
    report = server.report()
    return int(report["frame"]) - int(report["ticks"])


def test_time_stands_still_while_a_town_is_loaded() -> None:
    """Where snapshots come meanwhile, the stock client ends the process now and then."""
    with running() as (server, simulator):
        route = on_the_straight(simulator)
        simulator.reset(route, 0)
        before = free_ticks(server)
        simulator.reset(route, 1)
        simulator.plan("Small", AHEAD)
        assert free_ticks(server) == before
    with ServerProcess() as server:
        simulator = make_simulator(settings_of(server))
        simulator.reset(on_the_straight(simulator), 0)
        before = free_ticks(server)
        simulator.close()
        assert ask(server.port, "get_episode_settings")[0] is False
        time.sleep(0.1)
        assert free_ticks(server) > before


def test_what_is_hit_is_told() -> None:
    with running() as (server, simulator):
        simulator.reset(on_the_straight(simulator), 0)
        client = carla.Client("127.0.0.1", server.port)
        world = client.get_world()
        blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
        world.spawn_actor(blueprint, carla.Transform(carla.Location(50.0, 1.75, 0.1)))
        hits = [hit for _ in range(120) for hit in simulator.step(GAS).contacts]
        assert {(hit.kind, hit.other_type) for hit in hits} == {
            (CollisionKind.VEHICLE, "vehicle.audi.tt")
        }
        assert 40.0 < hits[0].location[0] < 50.0


def test_weather_is_shown_in_carlas_frame() -> None:
    with running() as (server, simulator):
        weather = Weather(cloudiness=90.0, precipitation=60.0, sun_azimuth_deg=30.0)
        simulator.reset(simulator.plan("Small", AHEAD, "0", weather), 0)
        told = server.report()["weather"]
        assert told[:2] == [90.0, 60.0]
        assert told[4:6] == [-30.0, 70.0]


def test_two_do_not_share_a_server() -> None:
    with (
        running() as (server, _),
        pytest.raises(SimulatorError, match="another process drives on"),
    ):
        make_simulator(settings_of(server))
