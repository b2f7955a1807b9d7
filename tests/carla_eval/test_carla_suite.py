"""What auxdrive relies on in a server of CARLA. With CARLA_HOST (and CARLA_PORT), these tests run
against that server and write `carla_report.json`, the file to send; else against the test server.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.types import Control
from auxdrive_eval.route import Route, RouteScenario
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import make_simulator
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import ScenarioOutcome
from carla_report import server_of_the_user
from carla_suite import STAND, a_server, client_of, settings_for, straight_route

SENSORS = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)
CENTIMETRES = 100.0

Note = Callable[[str, object], None]
Look = Callable[[], Any]
pytestmark = pytest.mark.carla


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """Host and port."""
    with a_server() as address:
        yield address


@pytest.fixture(scope="module")
def simulator(server: tuple[str, int]) -> Iterator[Simulator]:
    """One for all tests; each begins its own route."""
    with closing(make_simulator(settings_for(server))) as made:
        yield made


@pytest.fixture(scope="module")
def straight(simulator: Simulator) -> Route:
    """A straight route of 60 m."""
    return straight_route(simulator)


@pytest.fixture
def look(server: tuple[str, int], simulator: Simulator) -> Look:
    """Gives the world as another client sees it. It sees nothing before the first tick to which it
    listens.
    """

    def found() -> Any:
        world = client_of(server).get_world()
        until = time.monotonic() + 30.0
        while not len(world.get_actors()):
            assert time.monotonic() < until
            simulator.step(STAND)
        return world

    return found


@pytest.fixture
def note(record_property: Note) -> Note:
    """Put a number into the report."""
    return record_property


def with_role(world: Any, *roles: str) -> list[Any]:
    """The actors that auxdrive has spawned.

    Args:
        world: whose.
        roles: that they play.
    """
    return [a for a in world.get_actors() if a.attributes.get("role_name") in roles]


def test_versions_and_towns(server: tuple[str, int], simulator: Simulator, note: Note) -> None:
    client = client_of(server)
    note("simulator", simulator.version)
    note("client", client.get_client_version())
    note("server", client.get_server_version())
    note("town", client.get_world().get_map().name)
    note("towns", sorted(client.get_available_maps()))
    assert client.get_client_version() in simulator.version


def test_the_ego_begins_at_rest_at_the_start(
    simulator: Simulator, straight: Route, look: Look, note: Note
) -> None:
    began = time.monotonic()
    state = simulator.reset(straight, 0)
    note("seconds_of_a_reset", round(time.monotonic() - began, 2))
    away = float(np.hypot(*(np.array(state.ego_centre) - straight.points[0])))
    note("centre_from_start_m", away)
    note("speed_mps", state.speed_mps)
    note("half_size_m", list(state.extent))
    assert state.lane is not None
    note("offset_in_lane_m", state.lane.offset_m)
    assert away < 0.5
    assert abs(state.speed_mps) < 0.2
    assert abs(math.remainder(state.ego.yaw_rad - float(straight.yaw_rad[0]), math.tau)) < 0.05
    (hero,) = with_role(look(), "hero")
    note("axles", axles(hero))


def axles(hero: Any) -> dict[str, object]:
    """Where the server says that the wheels are: the table in `auxdrive_eval.carla_axles` is
    compared with it by whoever reads the report.

    Args:
        hero: a `carla.Vehicle`.
    """
    physics, place = hero.get_physics_control(), hero.get_transform()
    inverse = np.array(place.get_inverse_matrix())
    found = []
    for wheel in physics.wheels:
        at = np.array([wheel.position.x, wheel.position.y, wheel.position.z])
        found.append((inverse @ np.append(at / CENTIMETRES, 1.0))[:3].round(3).tolist())
    return {
        "wheels_from_origin_m": found,
        "max_steer_deg": [wheel.max_steer_angle for wheel in physics.wheels],
        "box_centre_m": [hero.bounding_box.location.x, hero.bounding_box.location.z],
    }


def test_steering_to_the_left_turns_to_the_left(
    simulator: Simulator, straight: Route, note: Note
) -> None:
    before = simulator.reset(straight, 0)
    for _ in range(40):
        state = simulator.step(Control(0.0, 0.6, 0.0))
    note("speed_after_2_s_mps", state.speed_mps)
    assert state.speed_mps > 1.0
    for _ in range(10):
        state = simulator.step(Control(0.15, 0.3, 0.0))
    turned = math.remainder(state.ego.yaw_rad - before.ego.yaw_rad, math.tau)
    note("turned_rad", turned)
    note("steer_rad", state.steer_rad)
    assert turned > 0.01


def test_each_sensor_sends_each_tick(simulator: Simulator, straight: Route, note: Note) -> None:
    simulator.reset(straight, 0)
    began, ticks = time.monotonic(), 40
    for _ in range(ticks):
        simulator.step(Control(0.0, 0.4, 0.0))
        frames = simulator.sense(SENSORS)
    note("ticks_per_s_with_sensors", round(ticks / (time.monotonic() - began), 1))
    for modality in SENSORS:
        frame = frames[modality]
        assert MODALITIES[modality].check_frame(frame.shape, frame.dtype) is None
        assert frame.any()
    classes, counts = np.unique(frames[Modality.SEGMENTATION], return_counts=True)
    shares = counts / counts.sum()
    note(
        "classes",
        {SEGMENTATION_CLASSES[c]: round(float(s), 3) for c, s in zip(classes, shares, strict=True)},
    )
    note("colour_of_the_image", frames[Modality.RGB].reshape(-1, 3).mean(0).round(1).tolist())
    note("nearest_depth_m", float(frames[Modality.DEPTH].min()) / 100)
    note("cells_with_points", int((frames[Modality.LIDAR] > 0).sum()))
    assert "road" in {SEGMENTATION_CLASSES[c] for c in classes}


def trace(simulator: Simulator, route: Route) -> list[tuple[float, float]]:
    """Where the expert drives.

    Args:
        simulator: in which.
        route: along which.
    """
    state = simulator.reset(route, 7)
    return [state.ego_centre] + [simulator.step(simulator.expert()).ego_centre for _ in range(60)]


def test_the_same_seed_is_the_same_drive(simulator: Simulator, straight: Route, note: Note) -> None:
    first, second = (np.array(trace(simulator, straight)) for _ in range(2))
    apart_m = float(np.abs(first - second).max())
    note("apart_after_3_s_m", apart_m)
    if server_of_the_user() is None:
        assert apart_m == 0.0
    assert apart_m < 1.0


def test_traffic_moves_and_nobody_is_left(
    simulator: Simulator, straight: Route, look: Look, note: Note
) -> None:
    for seed in (3, 4):
        state = simulator.reset(straight, seed)
    for _ in range(100):
        state = simulator.step(STAND)
    note("vehicles", len(state.background_mps))
    note("fastest_mps", max(state.background_mps, default=0.0))
    assert len(with_role(look(), "background")) == len(state.background_mps) > 0
    assert max(state.background_mps) > 0.5


def test_lights_are_those_of_the_map(
    simulator: Simulator, straight: Route, look: Look, note: Note
) -> None:
    simulator.reset(straight, 0)
    world = look()
    known = [a.get_opendrive_id() for a in world.get_actors().filter("traffic.traffic_light")]
    of_map = {mark.id for mark in world.get_map().get_all_landmarks_of_type("1000001")}
    note("lights_of_the_server", len(known))
    note("lights_of_the_map", len(of_map))
    note("lights_without_a_place_on_the_map", len(set(known) - of_map))
    assert of_map <= set(known)


def test_the_weather_is_shown(simulator: Simulator, straight: Route, look: Look) -> None:
    weather = Weather(cloudiness=80.0, precipitation=40.0, sun_altitude_deg=20.0)
    ends = straight.points[[0, -1]].tolist()
    simulator.reset(simulator.plan(straight.town, ends, "wet", weather), 0)
    shown = look().get_weather()
    assert (shown.cloudiness, shown.precipitation) == pytest.approx((80.0, 40.0), abs=0.1)
    assert shown.sun_altitude_angle == pytest.approx(20.0, abs=0.1)


def test_a_scenario_is_played(
    simulator: Simulator, straight: Route, look: Look, note: Note
) -> None:
    """Somebody crosses from behind a vending machine; the report says where there is no room."""
    (x_m, y_m), yaw_rad = straight.points[2].tolist(), float(straight.yaw_rad[2])
    crossing = RouteScenario("crossing", "DynamicObjectCrossing", (x_m, y_m), yaw_rad)
    state = simulator.reset(replace(straight, scenarios=(crossing,)), 0)
    note("actors", [actor.type_id for actor in with_role(look(), "scenario")])
    hits = []
    while (told := state.scenarios[0]).ended_s is None and told.at_m is not None:
        state = simulator.step(simulator.expert())
        hits += [hit.other_type for hit in state.contacts]
        assert state.time_s < 90.0
    note("scenario", [told.outcome.value, told.note, told.began_s, told.ended_s])
    note("hits", hits)
    if server_of_the_user() is None:
        assert told.outcome is ScenarioOutcome.PASSED
    simulator.step(STAND)
    assert with_role(look(), "scenario") == []


def test_a_collision_is_told(simulator: Simulator, straight: Route, look: Look, note: Note) -> None:
    simulator.reset(straight, 0)
    world = look()
    x_m, y_m = straight.points[25].tolist()
    yaw_deg = -math.degrees(float(straight.yaw_rad[25]))
    place = carla.Transform(carla.Location(x_m, -y_m, 1.0), carla.Rotation(yaw=yaw_deg))
    other = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), place)
    hits, ticks = [], 0
    while not hits and ticks < 160:
        hits = list(simulator.step(Control(0.0, 0.6, 0.0)).contacts)
        ticks += 1
    note("ticks_until_it_was_told", ticks)
    other.destroy()
    assert [(hit.kind.value, hit.other_type) for hit in hits] == [("vehicle", "vehicle.audi.tt")]
