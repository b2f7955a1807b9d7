"""The CARLA simulator against the test server, through the stock client."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive.errors import SimulatorError, WorkerDied
from auxdrive.machine.worker_processes import OwnProcess
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive.types import Control
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import SimulationCrashed, Simulator
from auxdrive_eval.simulators.carla.client import ClientHalf
from auxdrive_eval.simulators.carla.contacts import kind_of
from auxdrive_eval.simulators.carla.deadlines import ended_after
from auxdrive_eval.simulators.carla.versions import Version, agreed_version
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import CollisionKind
from carla_scenes import DEPTH_M
from carla_server.process import ServerProcess, ask

AHEAD = [(30.0, -1.75), (110.0, -1.75)]
"""Along the first straight of the small town, in our frame: its right lane lies at y = -1.75."""
GAS, STAND = Control(0.0, 0.6, 0.0), Control(0.0, 0.0, 1.0)


def settings_of(server: ServerProcess, **options: Any) -> SimulatorSettings:
    """Settings for a test server, whose cars steer by 40 degrees.

    Args:
        server: that runs.
        options: of the simulator.
    """
    small = {"camera": {"width": 32, "height": 24, "fov_deg": 90.0, "x_m": 1.7, "z_m": 1.6}}
    times = {"timeout_s": 5.0, "sensor_timeout_s": 1.0, "wait_s": 2.0, "traffic": 0}
    own = {"port": server.port, "town": "Small", "max_steer_deg": 40.0}
    return SimulatorSettings(kind="carla", options={**small, **times, **own, **options})


@contextmanager
def running(*arguments: str, **options: Any) -> Iterator[tuple[ServerProcess, Simulator]]:
    """A server and a simulator of it.

    Args:
        arguments: of the server.
        options: of the simulator.
    """
    with (
        ServerProcess(["--scene", "carla_eval.carla_scenes:Still", *arguments]) as server,
        closing(make_simulator(settings_of(server, **options))) as simulator,
    ):
        yield server, simulator


def on_the_straight(simulator: Simulator) -> Route:
    """A route of 80 m along the first straight.

    Args:
        simulator: that plans it.
    """
    return simulator.plan("Small", AHEAD)


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


def test_an_ego_whose_axles_are_not_known_is_refused() -> None:
    options = {"ego": "vehicle.of.nobody"}
    with pytest.raises(SimulatorError, match=r"axles of 'vehicle.of.nobody'"):
        make_simulator(SimulatorSettings(kind="carla", options=options))


def step_and_look(simulator: Simulator, ticks: int) -> None:
    """Drive on, with a look at each image.

    Args:
        simulator: in which a route is driven.
        ticks: how many.
    """
    for _ in range(ticks):
        simulator.step(GAS)
        simulator.sense([Modality.RGB])


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "drop", "sensor": "sensor.camera.rgb"}, "sent no frame"),
    ({"kind": "repeat", "sensor": "sensor.camera.rgb"}, "sent no frame"),
    ({"kind": "black", "sensor": "sensor.camera.rgb"}, "black"),
    ({"kind": "hang", "seconds": 3.0}, "for a tick"),
    ({"kind": "die"}, "for a tick"),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS, ids=[fault["kind"] for fault, _ in FAULTS])
def test_a_fault_of_the_server_is_a_crash_of_the_simulation(
    fault: dict[str, Any], told: str
) -> None:
    with running(timeout_s=1.0) as (server, simulator):
        simulator.reset(on_the_straight(simulator), 0)
        simulator.step(GAS)
        simulator.sense([Modality.RGB])
        server.fault(**fault)
        with pytest.raises(SimulationCrashed, match=told):
            step_and_look(simulator, 3)


class _Sleeper:
    """A client that sleeps for ever."""

    def __call__(self, limit_s: float) -> None:
        with ended_after(limit_s):
            pass
        with ended_after(limit_s):
            time.sleep(60.0)

    def close(self) -> None:
        """Nothing."""


def test_a_client_that_sleeps_for_ever_is_ended() -> None:
    process: OwnProcess[float, None] = OwnProcess(_Sleeper)
    began = time.monotonic()
    with closing(process), pytest.raises(WorkerDied, match="died"):
        process.ask(0.2, 30.0)
    assert time.monotonic() - began < 20.0


class _Losing(ClientHalf):
    """A client whose traffic manager removes a vehicle, as it does with one that is stuck."""

    def lose(self) -> None:
        """Remove the first vehicle of the traffic."""
        assert self._driven is not None
        assert self._driven._traffic is not None
        self._driven._traffic.vehicles[0].destroy()


def test_a_vehicle_that_the_traffic_manager_removes_is_gone_and_nothing_else() -> None:
    with ServerProcess(["--scene", "carla_eval.carla_scenes:Still"]) as server:
        options = settings_of(server, traffic=2).options
        client: OwnProcess[Any, Any] = OwnProcess(partial(_Losing, options, server.port, False))
        with closing(client):
            route = client.ask(("plan", ("Small", AHEAD)), 60.0)
            before = client.ask(("reset", (route, 1)), 60.0)
            client.ask(("lose", ()), 60.0)
            after = client.ask(("step", (STAND,)), 60.0)
            client.ask(("close", ()), 60.0)
        assert (len(before.background_mps), len(after.background_mps)) == (2, 1)
        assert not [name for name in server.report()["actors"] if name.startswith("vehicle.")]


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


@pytest.mark.parametrize(
    ("type_id", "kind"),
    [
        ("walker.pedestrian.0001", CollisionKind.PEDESTRIAN),
        ("vehicle.audi.tt", CollisionKind.VEHICLE),
        ("static.building", CollisionKind.LAYOUT),
        ("traffic.traffic_light", CollisionKind.LAYOUT),
        ("static.sidewalk", None),
    ],
)
def test_kinds_of_collisions(type_id: str, kind: CollisionKind | None) -> None:
    assert kind_of(type_id) is kind


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


def test_where_the_server_is_decides_nothing_that_is_stored() -> None:
    options = {"host": "carla.example", "port": 3000, "carla_root": "/opt/carla", "wait_s": 1.0}
    stored = SimulatorSettings(kind="carla", options=options).model_dump()
    assert stored == SimulatorSettings(kind="carla").model_dump()
    assert SimulatorSettings(kind="carla", options=options) == SimulatorSettings(kind="carla")


def test_no_server_says_how_to_start_one(caplog: pytest.LogCaptureFixture) -> None:
    nobody = SimulatorSettings(kind="carla", options={"port": 2999, "wait_s": 0.0})
    with pytest.raises(SimulatorError, match=r"docker run .* -carla-rpc-port=2999"):
        make_simulator(nobody)
    assert "docker run" in caplog.text  # at once, before it waits


def test_client_and_server_have_one_version() -> None:
    assert agreed_version("0.9.16", "0.9.16-dirty") == Version(0, 9, 16)
    with pytest.raises(SimulatorError, match=r"client is CARLA 0\.9\.16, the server 0\.9\.15"):
        agreed_version("0.9.16", "0.9.15")
    with pytest.raises(SimulatorError, match="too old"):
        agreed_version("0.9.9", "0.9.9")


def test_tags_of_both_palettes_mean_the_same() -> None:
    labels = {int(label): name for name, label in carla.CityObjectLabel.names.items()}
    new, old = Version(0, 9, 16).class_of_tag, Version(0, 9, 13).class_of_tag
    named = {labels[tag]: SEGMENTATION_CLASSES[new[tag]] for tag in labels if tag < 29}
    assert named["RoadLines"] == "lane_marking"
    assert named["TrafficSigns"] == "traffic_sign"
    assert {named[name] for name in ("Car", "Truck", "Bus", "Motorcycle")} == {"vehicle"}
    assert {named[name] for name in ("Pedestrians", "Rider")} == {"pedestrian"}
    assert named["Sky"] == "sky"
    before = {6: "lane_marking", 7: "road", 10: "vehicle", 13: "sky", 18: "traffic_light"}
    assert {tag: SEGMENTATION_CLASSES[old[tag]] for tag in before} == before
