"""Driving in closed loop: the expert and real bundles in the embedded simulator, workers, interruption and resuming, crashing agents."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.errors import DataError, InputError, SimulatorError, UsageError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Flag, Observation, Prediction
from auxdrive_eval.agents import AgentSource
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.criteria.base import event_at
from auxdrive_eval.drivers import AgentDriver, ExpertDriver
from auxdrive_eval.embedded.simulator import DEFAULT_CAMERA, EmbeddedSimulator
from auxdrive_eval.evaluate import DriverSource, Evaluation, drive_all, traffic_seed
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.route_store import load_route, route_folder, save_route
from auxdrive_eval.routes import RouteSpec, write_routes
from auxdrive_eval.routes.plan import COLLECT_SEEDS, DRIVE_SEEDS, parse_seeds, routes_of_file, routes_of_seeds
from auxdrive_eval.rules import rule_set
from auxdrive_eval.runner import Film, drive_route
from auxdrive_eval.simulators import SimulatorSettings
from auxdrive_eval.world import Route

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory

CAMERA = DEFAULT_CAMERA.model_copy(update={"width": 32, "height": 24})
SETTINGS = SimulatorSettings(traffic=2, camera=CAMERA)


@pytest.fixture(scope="module")
def simulator() -> Any:
    made = EmbeddedSimulator(camera=CAMERA, traffic=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def short_routes() -> tuple[Route, ...]:
    """Two short routes in one town, so that the tests spend their time on driving."""
    planner = EmbeddedSimulator(render=False, traffic=0)
    whole = planner.random_route(1003)
    ends = [(0, 15), (20, 35)]
    return tuple(
        planner.plan(whole.town, [tuple(whole.points[first]), tuple(whole.points[last])], route_id=str(number))
        for number, (first, last) in enumerate(ends)
    )


@pytest.fixture(scope="module")
def longer_route() -> Route:
    planner = EmbeddedSimulator(render=False, traffic=0)
    whole = planner.random_route(1003)
    return planner.plan(whole.town, [tuple(whole.points[0]), tuple(whole.points[45])])


class Agent:
    """A small agent with a given behaviour."""

    name = "test agent"
    steering = SteeringSpec()
    vehicle = VehicleSpec(wheelbase_m=2.8)

    def __init__(self, auxiliaries: tuple[Modality, ...] = ()) -> None:
        self.auxiliaries = auxiliaries
        self.seen: list[tuple[Observation, dict[Modality, Any]]] = []

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        self.seen.append((observation, {modality: np.array(frame) for modality, frame in auxiliaries.items()}))
        return Prediction(observation.time_s, 1.0, steer_rad=0.3)

    def close(self) -> None:
        pass


class CrashingAgent(Agent):
    def __init__(self, error: Exception, after: int = 3) -> None:
        super().__init__()
        self.error, self.after = error, after

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        if len(self.seen) == self.after:
            raise self.error
        return super().act(observation, auxiliaries)


def test_the_expert_completes_a_route(simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]) -> None:
    result = drive_route(simulator, short_routes[0], ExpertDriver(), rules=rule_set("1.0"), seed=1)
    assert result.record.status == "Completed"
    assert result.record.scores.score_composed == 100.0
    assert [event.kind for event in result.events] == [EventKind.ROUTE_COMPLETED]
    assert result.record.meta.duration_game == pytest.approx(len(result.trace) * 0.05)
    assert (np.diff(result.trace["time_s"]) > 0).all()
    assert 2 <= len(result.film) <= 8
    assert all(picture.shape == (24, 32, 3) for _, picture in result.film)


def test_an_agent_sees_every_second_tick_and_its_mistakes_are_counted(simulator: EmbeddedSimulator, longer_route: Route) -> None:
    agent = Agent((Modality.DEPTH, Modality.EDGE))
    result = drive_route(simulator, longer_route, AgentDriver(agent, None, 0.05), rules=rule_set("1.0"), seed=1)
    times = [observation.time_s for observation, _ in agent.seen]
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, 0.1))
    observation, auxiliaries = agent.seen[0]
    assert observation.image.shape == (24, 32, 3)
    assert observation.target_ego_m is not None
    assert observation.target_ego_m[0] > 0
    assert auxiliaries[Modality.DEPTH].dtype == np.uint16
    assert auxiliaries[Modality.EDGE].shape == (24, 32)
    # Turning in a circle: it leaves its lane or hits something, and does not arrive.
    assert result.record.status.startswith("Failed - Agent")
    assert result.record.scores.score_penalty < 1
    assert result.record.scores.score_composed < 50


class WatchingExpert(ExpertDriver):
    """Notes where the centre of the car is."""

    def __init__(self) -> None:
        self.centres: list[tuple[float, float]] = []

    def control(self, simulator: Any, state: Any) -> Control:
        self.centres.append(state.ego_centre)
        return super().control(simulator, state)


class AtTheEnd:
    """A criterion that has something to say once the route is over."""

    def update(self, state: Any) -> list[Event]:
        return []

    def finish(self, state: Any) -> list[Event]:
        return [event_at(EventKind.OUTSIDE_ROUTE_LANES, "outside for a while", state, percentage=50.0)]


def test_the_trace_is_of_the_centre_and_what_only_the_end_shows_is_recorded(simulator: EmbeddedSimulator, longer_route: Route) -> None:
    driver = WatchingExpert()
    rules = replace(rule_set("1.0"), criteria=lambda _: (AtTheEnd(),))
    result = drive_route(simulator, longer_route, driver, rules=rules, seed=1, keypoint_length_m=123.0)
    trace = np.stack([result.trace["x_m"], result.trace["y_m"]], axis=1)
    np.testing.assert_allclose(trace[:-1], np.array(driver.centres[1:]), atol=1e-9)
    assert result.record.meta.route_length == 123.0
    assert result.record.infractions["outside_route_lanes"] == ["outside for a while"]
    assert result.record.scores.score_composed == pytest.approx(50.0)
    whole = drive_route(simulator, longer_route, ExpertDriver(), rules=rule_set("1.0"), seed=1)
    assert whole.record.meta.route_length == pytest.approx(longer_route.length_m)


def test_every_repeat_of_every_route_has_traffic_of_its_own(
    short_routes: tuple[Route, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def spying(*arguments: Any, **named: Any) -> Any:
        seeds.append(named["seed"])
        return drive_route(*arguments, **named)

    monkeypatch.setattr("auxdrive_eval.evaluate.drive_route", spying)
    drive_all(short_routes, DriverSource(None), SETTINGS, tmp_path / "out", repeats=2, seed=4)
    assert seeds == [traffic_seed(4, route, repeat) for route in (0, 1) for repeat in (0, 1)]
    assert len(set(seeds)) == 4


class StandingAgent(Agent):
    """Wants to stand where it is."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        return Prediction(observation.time_s, 1.0, waypoints_ego_m=np.zeros((2, 2)), waypoint_times_s=(0.5, 1.0))


def test_the_controllers_time_is_the_simulators_and_a_new_route_starts_it_anew(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    """It creeps after standing 1 s of game time, in steps of two ticks of 0.05 s; and a new route's wait begins at its start."""
    driver = AgentDriver(StandingAgent(), "pid", 0.05, creep_after_s=1.0)

    def ticks_until_it_creeps(limit: int) -> int | None:
        state = simulator.reset(short_routes[0], 1)
        driver.start(short_routes[0])
        for tick in range(limit):
            control = driver.control(simulator, state)
            if control.throttle > 0:
                return tick
            state = simulator.step(control)
        return None

    assert ticks_until_it_creeps(18) is None
    found = ticks_until_it_creeps(60)
    assert found is not None
    assert 20 <= found <= 22


class SilentAgent(Agent):
    """Its model's output is not finite: every prediction is withheld."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        return Prediction(observation.time_s, 1.0, flags=frozenset({Flag.NON_FINITE_OUTPUT}))


def test_withheld_predictions_stop_the_car_and_are_counted(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    agent = SilentAgent()
    driver = AgentDriver(agent, "pid", 0.05)
    result = drive_route(simulator, short_routes[0], driver, rules=rule_set("1.0"), seed=1)
    assert result.withheld == len(agent.seen) > 0
    assert result.trace["speed_mps"].max() < 0.5
    save_route(tmp_path, result)
    stored = load_route(tmp_path, 0)
    assert stored is not None
    assert stored.withheld == result.withheld
    # The next route counts from zero.
    driver.start(short_routes[0])
    assert driver.withheld == 0


class LateAgent(Agent):
    """Its first predictions are withheld; then it predicts waypoints, or steering."""

    def __init__(self, waypoints: bool) -> None:
        super().__init__()
        self.waypoints = waypoints

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        if len(self.seen) <= 2:
            return Prediction(observation.time_s, 1.0, flags=frozenset({Flag.NON_FINITE_OUTPUT}))
        if self.waypoints:
            return Prediction(observation.time_s, 1.0, waypoints_ego_m=np.array([[2.0, 0.0], [4.0, 0.0]]), waypoint_times_s=(0.5, 1.0))
        return Prediction(observation.time_s, 1.0, steer_rad=0.0)


@pytest.mark.parametrize("waypoints", [True, False])
def test_the_controller_is_chosen_by_the_first_usable_prediction(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], waypoints: bool
) -> None:
    route = short_routes[0]
    driver = AgentDriver(LateAgent(waypoints), None, 0.05)
    state = simulator.reset(route, 1)
    driver.start(route)
    controls = []
    for _ in range(6):
        controls.append(driver.control(simulator, state))
        state = simulator.step(controls[-1])
    assert all(control.brake == 1.0 and control.throttle == 0.0 for control in controls[:4])
    assert all(control.throttle > 0 for control in controls[4:])
    assert driver.withheld == 2


def test_a_crash_of_the_agent_is_a_failed_route_with_its_traceback(simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]) -> None:
    driver = AgentDriver(CrashingAgent(ZeroDivisionError("in the model")), None, 0.05)
    result = drive_route(simulator, short_routes[0], driver, rules=rule_set("1.0"), seed=1)
    assert result.record.status == "Failed - Agent crashed"
    assert "ZeroDivisionError: in the model" in result.error
    at_once = AgentDriver(CrashingAgent(ZeroDivisionError("at once"), after=0), None, 0.05)
    result = drive_route(simulator, short_routes[0], at_once, rules=rule_set("1.0"), seed=1)
    assert (result.record.status, len(result.trace)) == ("Failed - Agent crashed", 0)


def test_a_mistake_of_the_user_is_no_crash(simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]) -> None:
    driver = AgentDriver(CrashingAgent(InputError("the image is too small")), None, 0.05)
    with pytest.raises(InputError, match="too small"):
        drive_route(simulator, short_routes[0], driver, rules=rule_set("1.0"), seed=1)
    with pytest.raises(SimulatorError, match="no sensor for infrared"):
        drive_route(simulator, short_routes[0], AgentDriver(Agent((Modality.INFRARED,)), None, 0.05), rules=rule_set("1.0"), seed=1)


def without_wall_time(evaluation: Evaluation) -> list[dict[str, Any]]:
    records = [driven.record.model_dump() for driven in evaluation.driven]
    for record in records:
        del record["meta"]["duration_system"]
    return records


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(tmp_path_factory.mktemp("bundles") / "waypoints", "waypoints")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...], bundle: Path) -> tuple[Path, Evaluation]:
    """A real bundle over two routes, twice each, in this process."""
    out = tmp_path_factory.mktemp("reference") / "out"
    return out, drive_all(short_routes, DriverSource(AgentSource(bundle)), SETTINGS, out, repeats=2)


def test_a_bundle_is_driven_and_its_results_are_the_leaderboards_document(reference: tuple[Path, Evaluation]) -> None:
    out, evaluation = reference
    document = json.loads((out / "results.json").read_text())
    assert document["_checkpoint"]["progress"] == [4, 4]
    assert [record["index"] for record in document["_checkpoint"]["records"]] == [0, 1, 2, 3]
    assert [record["route_id"] for record in document["_checkpoint"]["records"]] == ["RouteScenario_0"] * 2 + ["RouteScenario_1"] * 2
    assert document["sensors"] == ["carla_camera", "carla_speedometer"]
    assert "not CARLA scores" in document["auxdrive"]["note"]
    text = (out / "results.json").read_text()
    assert text == json.dumps(document, indent=4, sort_keys=True) + "\n"
    means = [driven.record.scores.score_composed for driven in evaluation.driven]
    assert document["_checkpoint"]["global_record"]["scores"]["score_composed"] == pytest.approx(math.fsum(means) / 4)


def test_several_workers_give_the_same_results(
    reference: tuple[Path, Evaluation], short_routes: tuple[Route, ...], bundle: Path, tmp_path: Path
) -> None:
    _, alone = reference
    together = drive_all(short_routes, DriverSource(AgentSource(bundle)), SETTINGS, tmp_path / "out", repeats=2, workers=2)
    assert without_wall_time(together) == without_wall_time(alone)
    for ours, theirs in zip(together.driven, alone.driven, strict=True):
        assert (ours.trace == theirs.trace).all()
        assert ours.film == theirs.film
        assert ours.events == theirs.events


def test_an_interrupted_evaluation_goes_on_where_it_was(
    reference: tuple[Path, Evaluation], short_routes: tuple[Route, ...], bundle: Path, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", DriverSource(AgentSource(bundle))

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive_all(short_routes, source, SETTINGS, out, repeats=2, on_route=interrupt)
    document = json.loads((out / "results.json").read_text())
    assert (document["entry_status"], document["_checkpoint"]["progress"]) == ("Started", [1, 4])
    first = route_folder(out, 0).stat().st_mtime_ns
    with pytest.raises(UsageError, match="go on with --resume"):
        drive_all(short_routes, source, SETTINGS, out, repeats=2)
    with pytest.raises(UsageError, match=r"under other settings: seed was 0 and is 1"):
        drive_all(short_routes, source, SETTINGS, out, repeats=2, seed=1, resume=True)
    with pytest.raises(UsageError, match=r"routes_sha256 was \w+ and is"):
        drive_all(short_routes[::-1], source, SETTINGS, out, repeats=2, resume=True)
    resumed = drive_all(short_routes, source, SETTINGS, out, repeats=2, resume=True)
    assert route_folder(out, 0).stat().st_mtime_ns == first
    assert without_wall_time(resumed) == without_wall_time(reference[1])


def test_a_damaged_result_is_named(reference: tuple[Path, Evaluation], tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "out"
    shutil.copytree(reference[0], out)
    result = route_folder(out, 1) / "result.json"
    result.write_text(result.read_text()[:-20])
    with pytest.raises(DataError, match=r"00001: this route's result is damaged"):
        load_route(out, 1)
    np.save(route_folder(out, 2) / "trace.npy", np.zeros(3))
    with pytest.raises(DataError, match="holds something else"):
        load_route(out, 2)
    assert load_route(out, 9) is None


def test_the_report_of_an_evaluation_is_whole(reference: tuple[Path, Evaluation]) -> None:
    text = drive_report(reference[1])
    assert "embedded" in text.split("</title>")[0]
    assert "They are not CARLA scores" in text
    assert text.count("<svg") == 4
    assert text.count("data:image/jpeg;base64,") >= 8
    for driven in reference[1].driven:
        for messages in driven.record.infractions.values():
            assert all(message in text for message in messages)


def test_what_cannot_be_driven_is_said_before_anything_starts(short_routes: tuple[Route, ...], tmp_path: Path, bundle: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="no such bundle or run"):
        drive_all(short_routes, DriverSource(AgentSource(tmp_path / "missing")), SETTINGS, out)
    with pytest.raises(UsageError, match="a bundle holds a student"):
        drive_all(short_routes, DriverSource(AgentSource(bundle, "teacher")), SETTINGS, out)
    with pytest.raises(UsageError, match="no routes"):
        drive_all((), DriverSource(None), SETTINGS, out)
    with pytest.raises(UsageError, match="repeats must be 1 or more"):
        drive_all(short_routes, DriverSource(None), SETTINGS, out, repeats=0)
    with pytest.raises(UsageError, match="workers must be 1 or more"):
        drive_all(short_routes, DriverSource(None), SETTINGS, tmp_path / "other", workers=0)
    assert not out.exists()


def test_traffic_differs_between_routes_and_repeats() -> None:
    seeds = {traffic_seed(seed, route, repeat) for seed in range(3) for route in range(5) for repeat in range(3)}
    assert len(seeds) == 45


def test_routes_of_files_are_planned_and_strange_towns_refused(short_routes: tuple[Route, ...], tmp_path: Path) -> None:
    path = tmp_path / "routes.xml"
    route = short_routes[0]
    write_routes(path, [RouteSpec("7", route.town, route.keypoints, route.weather)])
    (planned,) = routes_of_file(path)
    assert planned.route_id == "7"
    assert planned.points == pytest.approx(route.points, abs=1e-6)
    write_routes(path, [RouteSpec("7", "Town05", route.keypoints)])
    with pytest.raises(SimulatorError, match=r"route '7': 'Town05' is no town of the embedded simulator.*EmbeddedTown0000"):
        routes_of_file(path)


def test_seeds_are_read_from_text() -> None:
    assert parse_seeds("1000, 1005-1007") == (1000, 1005, 1006, 1007)
    for wrong in ("", "a", "5-", "7-3", "10000", "1,1", "-4", "1;2"):
        with pytest.raises(UsageError, match="route seeds"):
            parse_seeds(wrong)
    assert not set(COLLECT_SEEDS) & set(DRIVE_SEEDS)
    assert [route.town for route in routes_of_seeds([5])] == ["EmbeddedTown0005"]


@pytest.mark.parametrize("seconds", [0, 3, 8, 15, 16, 17, 100, 700])
def test_a_film_has_few_pictures_spread_over_the_drive(seconds: int) -> None:
    class Clock:
        def sense(self, _: object) -> dict[Modality, Any]:
            return {Modality.RGB: np.zeros((2, 2, 3), np.uint8)}

    class Now:
        time_s = 0.0

    film = Film()
    for tick in range(seconds * 20 + 1):
        Now.time_s = tick / 20
        film.look(Clock(), Now())  # type: ignore[arg-type]  # all that a film looks at
    times = [time_s for time_s, _ in film.frames()]
    assert 1 <= len(times) <= 8
    assert times[0] == 0.0
    assert times[-1] >= 0.75 * seconds - 1
    if seconds >= 8:
        assert len(times) == 8
        assert max(np.diff(times)) <= 3 * min(np.diff(times))
