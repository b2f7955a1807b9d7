"""The leaderboard agent by the interface of the leaderboards: constructors, sensors, a drive to the
end of a route, and inputs that are odd. The real leaderboard runs in test_leaderboard_run.py.
"""

from __future__ import annotations

import json
import logging
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import carla_towns
import leaderboard_parts as parts
import numpy as np
import pytest
from auxdrive import Predictor
from auxdrive.ego import EGO_INPUTS
from auxdrive.errors import InputError, UsageError
from auxdrive.tasks import TASKS
from auxdrive.types import Observation, RoadOption
from auxdrive_eval.road_maps.geo import GeoReference, Projection
from auxdrive_eval.team_agent.sensors import read_sensors
from leaderboard_parts import CORNERS, GEO, START, Agent1, Agent2, Car, bundle_factory, driven, made


@pytest.fixture(scope="module")
def waypoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parts.chasing(tmp_path_factory.mktemp("bundles") / "waypoints")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that steers by 0.1 rad to the left."""
    return parts.steering(tmp_path_factory.mktemp("bundles") / "steering", 0.1)


@pytest.fixture(params=[Agent1, Agent2], ids=["1.0", "2.x"])
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    carla_towns.needs_carla()
    parts.stand_in(monkeypatch, request.param)
    return request.param


def off_the_route(car: Car) -> float:
    points, _ = parts.dense(*CORNERS)
    return float(np.hypot(*(points - car.rear).T).min())


# Sensors


def test_the_sensors_are_those_of_the_card(base: type, waypoints: Path) -> None:
    agent = made(base, waypoints)
    rgb, gnss, imu, speed = agent.sensors()
    assert agent.track is parts.Track.SENSORS
    assert (rgb["width"], rgb["height"], rgb["fov"]) == (32, 24, 100.0)
    assert (rgb["x"], rgb["y"], rgb["z"]) == pytest.approx((1.7 - parts.REAR_M, -0.2, 1.6))
    assert (rgb["roll"], rgb["pitch"], rgb["yaw"]) == pytest.approx((0, -math.degrees(0.1), 0))
    assert [each["type"] for each in (rgb, gnss, imu, speed)] == [
        "sensor.camera.rgb", "sensor.other.gnss", "sensor.other.imu", "sensor.speedometer",
    ]  # fmt: skip
    assert gnss["x"] == imu["x"] == -parts.REAR_M
    assert speed["reading_frequency"] == 20
    json.dumps(agent.sensors())  # plain numbers
    agent.destroy()


@pytest.mark.parametrize(
    ("compass", "yaw_rad"),
    [(0.0, math.pi / 2), (math.pi / 2, 0.0), (math.pi, -math.pi / 2), (1.5 * math.pi, math.pi)],
)
def test_directions_of_the_imu(compass: float, yaw_rad: float) -> None:
    """CARLA's north is its -y, which is our +y; it turns to the right."""
    imu = np.array([0.0, 0.0, 9.81, 0.0, 0.0, 0.3, compass])
    sensed = read_sensors({"imu": (1, imu)})
    assert sensed.yaw_rad == pytest.approx(yaw_rad)
    assert sensed.yaw_rate_radps == -0.3


@pytest.mark.parametrize(
    ("camera", "why"),
    [
        ({"z_m": 3.2}, r"camera is mounted 3\.2\d m from the origin.* they allow 3 m"),
        ({"x_m": -2.0}, r"3\.79 m from the origin.*-2 m ahead of the rear axle"),
        ({"fov_deg": None}, "does not say the camera's field of view"),
    ],
)
def test_a_camera_that_no_leaderboard_allows(
    base: type, tmp_path: Path, camera: dict[str, Any], why: str
) -> None:
    given = parts.CAMERA.model_copy(update=camera)
    bundle = parts.steering(tmp_path / "bundle", camera=given)
    with pytest.raises(UsageError, match=why):
        made(base, bundle)


# Driving


@pytest.mark.parametrize("projection", Projection)
@pytest.mark.parametrize("noise_deg", [0.0, 5e-6])
def test_it_drives_a_route_to_its_end(
    base: type, waypoints: Path, projection: Projection, noise_deg: float
) -> None:
    """Positions, headings, target points and steering have the right signs, or it is lost."""
    agent = made(base, waypoints)
    car = Car(START, GeoReference(0.0, 0.0, projection), noise_deg)
    off = []

    def look(_: dict[str, Any]) -> None:
        off.append(off_the_route(car))

    controls = driven(agent, car, 60.0, look)
    assert np.hypot(*(car.rear - CORNERS[-1])) < 8.0
    assert max(off) < 5.0  # it cuts the corner towards its target point
    assert all(0.0 <= c.throttle <= 1.0 and 0.0 <= c.brake <= 1.0 for c in controls)
    assert min(c.steer for c in controls) < -0.05  # CARLA's steer is negative to the left
    agent.destroy()


def test_a_steering_bundle_steers(base: type, left: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text(f"bundle: {left}\nenvelope: none\nmax_steer_deg: 50\n")
    agent, car = made(base, config), Car(START, GEO)
    last = driven(agent, car, 3.0)[-1]
    assert last.steer == pytest.approx(-math.degrees(0.1) / 50.0, abs=1e-6)
    assert car.speed_mps > 2.0


def test_a_model_that_takes_the_command_is_given_each(
    base: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task of ours takes it alone; here the model steers by 0.0002 rad times the command."""
    command = EGO_INPUTS["command"]
    monkeypatch.setattr(type(TASKS["steering"]), "ego_inputs", (command.name,))
    graph = bundle_factory.model(1)
    (linear,) = (each for each in graph.graph.initializer if each.name == "linear")
    weights = np.zeros((5, 1), np.float32)
    weights[4] = 0.0002
    linear.CopyFrom(bundle_factory.numpy_helper.from_array(weights, "linear"))
    (joined,) = (each for each in graph.graph.node if each.op_type == "Concat")
    joined.input.append(command.name)
    tensor = bundle_factory.TensorProto.FLOAT
    graph.graph.input.append(
        bundle_factory.helper.make_tensor_value_info(command.name, tensor, ("batch", 1))
    )
    bundle = bundle_factory.write_bundle(
        tmp_path / "bundle", graph=graph, camera=parts.CAMERA,
        inputs=(bundle_factory.IMAGE, command.spec),
    )  # fmt: skip
    config = tmp_path / "agent.yaml"
    config.write_text(f"bundle: {bundle}\nenvelope: none\n")
    options = [RoadOption(number) for number in (4, 1, -1, 2, 3, 5, 4, 6, 4)]
    points = np.column_stack([np.arange(100.0, 235.0), np.full(135, 150.0)])
    commands = [option for option in options for _ in range(15)]
    agent = parts.evaluators_way(base, config, *parts.leaderboards_plan(points, commands, GEO))
    car = Car(START, GEO)
    steered = [round(-c.steer * 70 / math.degrees(0.0002)) for c in driven(agent, car, 25.0)]
    told = [a for a, b in pairwise([0, *steered, 0]) if a != b]
    assert car.rear[0] > 225.0
    # each at its target point, VOID as 4; none is kept where a lane change ends
    assert told == [0, 1, 4, 2, 3, 5, 6, 4]


def test_the_model_sees_red_green_and_blue(base: type, tmp_path: Path) -> None:
    """The leaderboards' images are BGRA; a model that looks at them tells."""
    bundle = bundle_factory.write_bundle(tmp_path / "bundle", camera=parts.CAMERA)
    config = tmp_path / "agent.yaml"
    config.write_text(f"bundle: {bundle}\nenvelope: none\n")
    agent, given = made(base, config), Car(START, GEO).sensed()
    image = given["rgb"][1]
    image[..., 0] //= 2
    with Predictor.load(bundle) as predictor:
        blue, green, red, _ = np.moveaxis(image, -1, 0)
        right, wrong = (
            predictor.predict(Observation(np.stack(channels, -1), 0.0)).steer_rad
            for channels in ((red, green, blue), (blue, green, red))
        )
    steer = agent.run_step(given, 0.0).steer
    assert steer == pytest.approx(-math.degrees(right) / 70.0, abs=1e-6)
    assert abs(right - wrong) > 0.005


def test_a_steering_bundle_needs_no_gnss(base: type, left: Path) -> None:
    agent, car = made(base, left), Car(START, GEO)
    driven(agent, car, 8.0, lambda given: given.pop("gnss"))
    assert car.speed_mps > 2.0


def test_the_same_inputs_give_the_same_controls(base: type, waypoints: Path) -> None:
    drives = []
    for _ in range(2):
        agent, car = made(base, waypoints), Car(START, GEO, 5e-6)
        drives.append([(c.steer, c.throttle, c.brake) for c in driven(agent, car, 5.0)])
        agent.destroy()
    assert drives[0] == drives[1]


# Odd inputs


@pytest.mark.parametrize("sensor", ["rgb", "gnss", "imu", "speed"])
def test_a_sensor_that_is_missing_at_first(
    base: type, waypoints: Path, sensor: str, caplog: pytest.LogCaptureFixture
) -> None:
    agent, car = made(base, waypoints), Car(START, GEO)

    def late(given: dict[str, Any]) -> None:
        if car.time_s < 0.5:
            del given[sensor]

    with caplog.at_level(logging.WARNING):
        controls = driven(agent, car, 5.0, late)
    needed = sensor in ("rgb", "imu", "speed")  # it begins where the plan does, GNSS or not
    assert all(control.brake > 0 for control in controls[:10]) is needed
    assert car.speed_mps > 1.0
    said = [each.message for each in caplog.records if "auxdrive" in each.name]
    words = {"rgb": "no image", "gnss": "no finite GNSS", "imu": "compass", "speed": "speed"}
    assert len(said) == 1
    assert said[0].startswith("at 0.00 s: no ")
    assert words[sensor] in said[0]


def test_the_fixes_are_lost_for_a_moment(base: type, waypoints: Path) -> None:
    agent, car = made(base, waypoints), Car(START, GEO)

    def lost(given: dict[str, Any]) -> None:
        if 3.0 < car.time_s < 6.0:
            given["gnss"] = (car.frame, np.array([math.nan, math.inf, 0.0]))
        if 4.0 < car.time_s < 6.0:
            given["imu"][1][6] = math.nan

    driven(agent, car, 60.0, lost)
    assert np.hypot(*(car.rear - CORNERS[-1])) < 8.0


def test_without_fixes_it_stops(base: type, waypoints: Path) -> None:
    agent, car = made(base, waypoints), Car(START, GEO)
    driven(agent, car, 4.0, lambda given: given.pop("gnss"))
    assert car.speed_mps > 1.0
    driven(agent, car, 8.0, lambda given: given.pop("gnss"))
    assert car.speed_mps == 0.0


@pytest.mark.parametrize("envelope", ["none", "slow_straight"])
def test_without_images_it_stops_and_goes_on(
    base: type, waypoints: Path, tmp_path: Path, envelope: str
) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text(f"bundle: {waypoints}\nenvelope: {envelope}\n")
    agent, car = made(base, config), Car(START, GEO)
    driven(agent, car, 4.0)
    assert car.speed_mps > 1.0
    driven(agent, car, 6.0, lambda given: given.pop("rgb"))
    assert car.speed_mps == 0.0
    driven(agent, car, 4.0)
    assert car.speed_mps > 1.0


def test_without_a_speed_it_brakes(base: type, waypoints: Path) -> None:
    agent, car = made(base, waypoints), Car(START, GEO)
    driven(agent, car, 3.0)

    def no_number(given: dict[str, Any]) -> None:
        given["speed"] = (car.frame, {"speed": math.nan})

    driven(agent, car, 6.0, no_number)
    assert car.speed_mps == 0.0


@pytest.mark.parametrize(
    ("sensor", "data", "why"),
    [
        ("rgb", np.zeros((10, 10, 4), np.uint8), r"has the shape \(10, 10, 3\), this model takes"),
        ("rgb", np.zeros((24, 32, 3), np.uint8), "the camera 'rgb' sent an array uint8"),
        ("rgb", np.zeros((24, 32, 4)), "the image is float64; give uint8"),
        ("rgb", b"", "the camera 'rgb' sent a bytes"),
        ("gnss", np.zeros(2), "the sensor 'gnss' sent an array float64 .*gives 3 numbers"),
        ("gnss", np.array(["a", "b", "c"]), "the sensor 'gnss' sent an array <U1"),
        ("gnss", np.array([10.0, 10.0, 0.0]), "is not where the ego is: .* the ego is at x 98.6"),
        ("imu", np.zeros(6), "the sensor 'imu' sent an array float64 .*gives 7 numbers"),
        ("speed", {"velocity": 3.0}, "the sensor 'speed' sent a dict; .*'speed': m/s"),
        ("speed", {"speed": "fast"}, "the speedometer's speed is 'fast'; give m/s"),
    ],
)
def test_what_a_sensor_should_not_send(
    base: type, waypoints: Path, sensor: str, data: Any, why: str
) -> None:
    agent, car = made(base, waypoints), Car(START, GEO)
    given = car.sensed()
    given[sensor] = (car.frame, data)
    with pytest.raises(InputError, match=why) as raised:
        agent.run_step(given, 0.0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "why"), [(None, "input_data is None"), ({"rgb": 5}, r"input_data\['rgb'\] is an int")]
)
def test_inputs_of_another_form(base: type, waypoints: Path, given: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        made(base, waypoints).run_step(given, 0.0)


def test_a_plan_is_needed(base: type, waypoints: Path) -> None:
    agent = made(base, waypoints)
    agent._global_plan = None
    with pytest.raises(UsageError, match="has given no plan: it calls set_global_plan before"):
        agent.run_step(Car(START, GEO).sensed(), 0.0)


def test_a_plan_whose_two_halves_differ(base: type, waypoints: Path) -> None:
    agent = made(base, waypoints)
    agent._global_plan = agent._global_plan[::-1]
    with pytest.raises(InputError, match="no map has its origin where these degrees"):
        agent.run_step(Car(START, GEO).sensed(), 0.0)
