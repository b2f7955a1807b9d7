"""One route at a time: the expert and agents as drivers, what they see, what is recorded, withheld
predictions, crashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.errors import DataError, SimulatorError, UsageError
from auxdrive.modalities import Modality
from auxdrive.types import Control, Flag, Observation, Prediction
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.criteria.base import event_at
from auxdrive_eval.driving.drivers import AgentDriver, ExpertDriver
from auxdrive_eval.driving.following import check_controller
from auxdrive_eval.driving.runner import drive_route
from auxdrive_eval.driving.stored.route import stored_route
from auxdrive_eval.driving.stored.route_files import load_route, route_folder, save_route
from auxdrive_eval.driving.tally import what_became
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded import sensors
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import RECORDED
from small_world import Agent


def test_the_expert_completes_a_route(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    result = drive_route(simulator, short_routes[0], ExpertDriver(), rules=RULE_SETS["1.0"], seed=1)
    assert result.record.status == "Completed"
    assert result.record.scores.score_composed == 100.0
    assert [event.kind for event in result.events] == [EventKind.ROUTE_COMPLETED]
    assert result.record.meta.duration_game == pytest.approx(len(result.trace) * 0.05)
    assert (np.diff(result.trace["time_s"]) > 0).all()
    assert 2 <= len(result.film) <= 8
    assert all(image.shape == (24, 32, 3) for _, image in result.film)


def test_a_route_that_goes_on_beyond_the_last_tick_has_failed(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    rules = replace(RULE_SETS["bench2drive"], last_tick=40)
    result = drive_route(simulator, short_routes[0], ExpertDriver(), rules=rules, seed=1)
    assert result.record.status == "Failed - TickRuntime"
    # as in Bench2Drive, the world makes one more tick, which nobody judges
    assert result.record.meta.duration_game == pytest.approx(41 * 0.05)
    assert len(result.trace) == 40
    assert result.error == ""


def test_an_agent_sees_every_second_tick_and_its_mistakes_are_counted(
    simulator: EmbeddedSimulator, longer_route: Route
) -> None:
    agent = Agent((Modality.DEPTH, Modality.EDGE))
    result = drive_route(
        simulator, longer_route, AgentDriver(agent, None), rules=RULE_SETS["1.0"], seed=1
    )
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
    """Records where the centre of the car is."""

    def __init__(self) -> None:
        super().__init__()
        self.centres: list[tuple[float, float]] = []

    def control(self, simulator: Any, state: Any) -> Control:
        self.centres.append(state.ego_centre)
        return super().control(simulator, state)


class AtTheEnd:
    """A criterion that yields an event when the route is over."""

    pending = None

    def update(self, state: Any) -> list[Event]:
        return []

    def finish(self, state: Any) -> list[Event]:
        return [
            event_at(EventKind.OUTSIDE_ROUTE_LANES, "outside for a while", state, percentage=50.0)
        ]


def test_the_trace_is_of_the_centre_and_what_only_the_end_shows_is_recorded(
    simulator: EmbeddedSimulator, longer_route: Route
) -> None:
    driver = WatchingExpert()
    rules = replace(RULE_SETS["1.0"], criteria=lambda _: (AtTheEnd(),))
    result = drive_route(
        simulator, longer_route, driver, rules=rules, seed=1, reported_length_m=123.0
    )
    trace = np.stack([result.trace["x_m"], result.trace["y_m"]], axis=1)
    np.testing.assert_allclose(trace[:-1], np.array(driver.centres[1:]), atol=1e-9)
    assert result.record.meta.route_length == 123.0
    assert result.record.infractions["outside_route_lanes"] == ["outside for a while"]
    assert result.record.scores.score_composed == pytest.approx(50.0)
    whole = drive_route(simulator, longer_route, ExpertDriver(), rules=RULE_SETS["1.0"], seed=1)
    assert whole.record.meta.route_length == pytest.approx(longer_route.length_m)


class StandingAgent(Agent):
    """Predicts standing still."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        return Prediction(
            observation.time_s, 1.0, waypoints_ego_m=np.zeros((2, 2)), waypoint_times_s=(0.5, 1.0)
        )


def test_the_controllers_time_is_the_simulators_and_a_new_route_starts_it_anew(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    """The car creeps after standing for 1 s of game time, in steps of two ticks of 0.05 s. On a new
    route the time is measured from its start.
    """
    driver = AgentDriver(StandingAgent(), "pid", creep_after_s=1.0)

    def ticks_until_it_creeps(limit: int) -> int | None:
        state = simulator.reset(short_routes[0], 1)
        driver.start(short_routes[0], 1)
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
    driver = AgentDriver(agent, "pid")
    result = drive_route(simulator, short_routes[0], driver, rules=RULE_SETS["1.0"], seed=1)
    assert result.tally.braked == result.tally.predictions == len(agent.seen) > 0
    assert result.trace["speed_mps"].max() < 0.5
    save_route(tmp_path, stored_route(result))
    stored = load_route(tmp_path, 0)
    assert stored is not None
    assert stored.tally.braked == result.tally.braked
    assert stored.tally.flags == {"non_finite_output": result.tally.braked}
    assert "the car was braked instead. Flags: non_finite_output" in what_became(stored.tally)
    assert len(stored.latency) == result.tally.predictions
    np.testing.assert_array_equal(stored.latency["model_ms"], 1.0)
    assert (stored.latency["driver_ms"] > 0).all()
    assert stored.latency["time_s"] == pytest.approx(0.1 * np.arange(len(stored.latency)))
    np.save(route_folder(tmp_path, 0) / "latency.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"latency\.npy holds no times of predictions"):
        load_route(tmp_path, 0)
    # The next route counts from zero.
    driver.start(short_routes[0], 1)
    assert driver.tally.braked == 0


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
            return Prediction(
                observation.time_s,
                1.0,
                waypoints_ego_m=np.array([[2.0, 0.0], [4.0, 0.0]]),
                waypoint_times_s=(0.5, 1.0),
            )
        return Prediction(observation.time_s, 1.0, steer_rad=0.0)


@pytest.mark.parametrize("waypoints", [True, False])
def test_the_controller_is_chosen_by_the_first_usable_prediction(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], waypoints: bool
) -> None:
    route = short_routes[0]
    driver = AgentDriver(LateAgent(waypoints), None)
    state = simulator.reset(route, 1)
    driver.start(route, 1)
    controls = []
    for _ in range(6):
        controls.append(driver.control(simulator, state))
        state = simulator.step(controls[-1])
    assert all(control.brake == 1.0 and control.throttle == 0.0 for control in controls[:4])
    assert all(control.throttle > 0 for control in controls[4:])
    assert driver.tally.braked == 2


class WideAgent(Agent):
    """Changes the kind of its predictions."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        if len(self.seen) < 3:
            return Prediction(observation.time_s, 1.0, steer_rad=0.0)
        return Prediction(
            observation.time_s,
            1.0,
            waypoints_ego_m=np.ones((2, 2), np.float32),
            waypoint_times_s=(0.5, 1.0),
        )


def test_a_prediction_that_the_controller_does_not_take_ends_the_route(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    result = drive_route(
        simulator, short_routes[0], AgentDriver(WideAgent(), None), rules=RULE_SETS["1.0"], seed=1
    )
    assert result.record.status == "Failed - Agent crashed"
    assert (
        "its prediction cannot be followed: this controller takes predicted steering"
        in result.error
    )
    assert len(result.trace) == 4


def test_the_controller_is_chosen_anew_for_every_route(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    """One that was chosen on an earlier route would make the result depend on the order of the
    routes.
    """
    agent = WideAgent()
    driver = AgentDriver(agent, None)
    drive_route(simulator, short_routes[0], driver, rules=RULE_SETS["1.0"], seed=1)
    assert (
        drive_route(simulator, short_routes[0], driver, rules=RULE_SETS["1.0"], seed=7).error == ""
    )  # waypoints from the start
    assert agent.begun == [1, 7]


def test_a_sensor_that_the_simulator_has_not_is_a_mistake_of_the_user(
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensors, "SENSED", RECORDED)
    with pytest.raises(SimulatorError, match="no sensor for infrared"):
        drive_route(
            simulator,
            short_routes[0],
            AgentDriver(Agent((Modality.INFRARED,)), None),
            rules=RULE_SETS["1.0"],
            seed=1,
        )


def test_a_controller_that_does_not_fit_is_refused_before_anything_is_driven() -> None:
    described = Agent().description.model_copy(update={"task": "steering"})
    check_controller(described, None)
    check_controller(described, "steering")
    check_controller(Agent().description, "pid")  # the agent does not say what it predicts
    with pytest.raises(
        UsageError, match="test agent predicts steering: this controller follows waypoints"
    ):
        check_controller(described, "pid")
    with pytest.raises(
        UsageError, match="test agent predicts waypoints: this controller takes predicted steering"
    ):
        check_controller(described.model_copy(update={"task": "waypoints"}), "steering")
