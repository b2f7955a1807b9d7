"""What everybody who records and drives relies on, of every simulator in the table: one that is
added is covered by its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.lidar import bev_histogram
from auxdrive.errors import SimulatorError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import Control
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators import SIMULATORS
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import SeesPoints
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import WorldState
from foreign_packages import install_package

TESTS = Path(__file__).parents[1]
NAMES = [*SIMULATORS, "tiny"]
SEED = 1004


@pytest.fixture(scope="module", params=NAMES)
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimulatorSettings]:
    """Each simulator with a small camera, and the tests' own beside ours."""
    site = tmp_path_factory.mktemp("site")
    source = (TESTS / "carla_eval" / "tiny_simulator.py").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        options: dict[str, object] = {}
        if request.param == "carla":  # each simulator has a test server of its own
            pytest.importorskip("carla", reason="needs the extra [carla]")
            options = server_options(tmp_path_factory.mktemp("carla"))
        points = {"tiny": "tiny_of_every_test_module:TINY"}
        install_package(site, "tiny_of_every_test", "auxdrive.simulators", points, source)
        made = SimulatorSettings(kind=request.param, options=options)
        small = made.options.camera.model_copy(update={"width": 32, "height": 24})
        yield made.with_camera(small)


def server_options(folder: Path) -> dict[str, object]:
    """Options for CARLA, with a folder from which test servers are started."""
    from carla_folder import carla_folder
    from carla_server.process import free_port

    root = carla_folder(folder, "--scene", "carla_eval.carla_scenes:Still")
    own = {"carla_root": str(root), "port": free_port()}
    return {"town": "Small", "traffic": 3, "max_steer_deg": 40.0, **own}


@pytest.fixture
def blind(settings: SimulatorSettings) -> Iterator[Simulator]:
    with closing(make_simulator(settings, sensors=False)) as simulator:
        yield simulator


def drive(simulator: Simulator, ticks: int) -> list[WorldState]:
    route = simulator.random_route(SEED)
    states = [simulator.reset(route, 5)]
    return states + [simulator.step(simulator.expert()) for _ in range(ticks)]


def test_the_same_route_and_seed_give_the_same_run(
    settings: SimulatorSettings, blind: Simulator
) -> None:
    first = drive(blind, 60)
    assert drive(blind, 60) == first  # driven again
    with closing(make_simulator(settings, sensors=False)) as another:
        assert drive(another, 60) == first
    assert [state.frame for state in first] == list(range(61))
    times_s = [state.time_s for state in first]
    assert np.diff(times_s) == pytest.approx(np.full(60, settings.options.tick_s))


def test_it_says_what_its_users_ask(settings: SimulatorSettings, blind: Simulator) -> None:
    assert blind.version
    assert settings.spec.title
    assert blind.tick_s == settings.options.tick_s
    assert blind.camera == settings.options.camera
    assert blind.camera.fov_deg is not None
    assert blind.vehicle.wheelbase_m is not None
    route = blind.random_route(SEED)
    assert route.route_id == str(SEED)
    assert route.length_m > 20
    assert len(route.points) == len(route.yaw_rad) == len(route.options)
    assert np.array_equal(blind.random_route(SEED).points, route.points)
    town = blind.town_map(route.town)
    assert all(lane.centreline.shape[1] == 2 and lane.width_m > 0 for lane in town.lanes)
    lines = np.array([*town.lights, *town.stop_signs]).reshape(-1, 2, 2)
    assert (np.hypot(*(lines[:, 1] - lines[:, 0]).T) > 1.0).all()


def test_keypoints_of_a_route_lead_to_it(blind: Simulator) -> None:
    drawn = blind.random_route(SEED)
    planned = blind.plan(drawn.town, drawn.keypoints, "7", drawn.weather)
    assert planned.route_id == "7"
    assert (planned.town, planned.weather) == (drawn.town, drawn.weather)
    assert planned.length_m == pytest.approx(drawn.length_m, rel=0.05)
    assert np.hypot(*(planned.points[[0, -1]] - drawn.points[[0, -1]]).T).max() < 2.0


def test_the_expert_drives_its_route_to_the_end(blind: Simulator) -> None:
    route = blind.random_route(SEED)
    completion = RULE_SETS["1.0"].completion(route)
    state = blind.reset(route, 5)
    assert state.speed_mps == 0.0
    assert np.hypot(*(np.array(state.ego_centre) - route.points[0])) < 1.0
    limit_s = 60.0 + route.length_m
    while completion.percent < 100.0 and state.time_s < limit_s:
        state = blind.step(blind.expert())
        completion.update(state)
    assert completion.percent == 100.0


def test_frames_are_as_they_are_stored(settings: SimulatorSettings) -> None:
    sensors = settings.spec.sensors
    assert sensors[0] is Modality.RGB
    with closing(make_simulator(settings)) as simulator:
        simulator.reset(simulator.random_route(SEED), 5)
        frames = simulator.sense(sensors)
        assert set(frames) == set(sensors)
        for modality in sensors:
            spec, frame = MODALITIES[modality], frames[modality]
            assert frame.dtype == spec.dtype
            if spec.camera_aligned:
                assert frame.shape == spec.array_shape(24, 32)
        assert settings.spec.lidar_points is isinstance(simulator, SeesPoints)
        if isinstance(simulator, SeesPoints):
            points = simulator.lidar_points()
            assert (points.dtype, points.shape[1]) == (np.float32, 4)
            assert np.array_equal(bev_histogram(points), frames[Modality.LIDAR])
        again = {modality: np.array(frame) for modality, frame in frames.items()}
        simulator.reset(simulator.random_route(SEED), 5)
        for modality, frame in simulator.sense(sensors).items():
            assert np.array_equal(frame, again[modality])


@pytest.mark.parametrize(
    "mistake",
    [
        lambda simulator, route: simulator.plan("Nowhere", route.keypoints),
        lambda simulator, route: simulator.town_map("Nowhere"),
        lambda simulator, route: simulator.reset(replace(route, town="Nowhere"), 0),
        lambda simulator, route: simulator.expert(),
        lambda simulator, route: simulator.step(Control(0.0, 0.0, 0.0)),
        lambda simulator, route: (
            simulator.reset(route, 0),
            simulator.step(Control(float("nan"), 0.0, 0.0)),
        ),
        lambda simulator, route: (simulator.reset(route, 0), simulator.sense([Modality.RGB])),
    ],
    ids=["town", "map of a town", "route", "expert before", "step before", "control", "no sensors"],
)
def test_mistakes_are_errors_of_its_own(blind: Simulator, mistake: Any) -> None:
    route = blind.random_route(SEED)
    with pytest.raises(SimulatorError):
        mistake(blind, route)
