"""Drives in a safety envelope: commands within its limits at every tick, counted interventions, and
a setting that decides the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.modalities import Modality
from auxdrive.types import Control, Flag, Observation, Prediction
from auxdrive_eval.driving.drivers import AgentDriver
from auxdrive_eval.driving.runner import drive_route
from auxdrive_eval.driving.stored.inspection import summarise_route
from auxdrive_eval.driving.stored.route import stored_route
from auxdrive_eval.driving.stored.route_files import load_route, route_folder, save_route
from auxdrive_eval.driving.tally import what_became
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from small_world import Agent

TICK_S = 0.05


class SwervingAgent(Agent):
    """Turns the wheel from one side to the other at each prediction."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        steer_rad = 0.6 if len(self.seen) % 2 else -0.6
        return Prediction(observation.time_s, 1.0, steer_rad=steer_rad)


def commands_of(
    driver: AgentDriver, simulator: EmbeddedSimulator, route: Route, ticks: int
) -> tuple[list[Control], list[float]]:
    state = simulator.reset(route, 1)
    driver.start(route, 1)
    controls, speeds = [], []
    for _ in range(ticks):
        speeds.append(state.speed_mps)
        controls.append(driver.control(simulator, state))
        state = simulator.step(controls[-1])
    return controls, speeds


def test_commands_stay_within_the_limits_at_every_tick(
    simulator: EmbeddedSimulator, longer_route: Route
) -> None:
    agent = SwervingAgent()
    bare, _ = commands_of(AgentDriver(agent, "steering"), simulator, longer_route, 60)
    assert np.abs(np.diff([control.steer_rad for control in bare])).max() > 0.5
    driver = AgentDriver(agent, "steering", envelope="slow_straight")
    controls, speeds = commands_of(driver, simulator, longer_route, 60)
    steer = np.array([control.steer_rad for control in controls])
    assert np.abs(np.diff(steer)).max() <= 1.0 * TICK_S + 1e-9
    lateral = np.square(speeds) * np.tan(steer) / 2.8
    assert np.abs(lateral).max() <= 3.0 + 1e-9
    assert driver.tally.envelope["ticks"] == 60
    assert driver.tally.envelope["steering_rate"] + driver.tally.envelope["lateral_jerk"] > 20
    assert len({control.steer_rad for control in controls[20:40]}) > 10, "a command at each tick"


class FailingCamera(Agent):
    """Its predictions are withheld after the first forty."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        if len(self.seen) > 40:
            return Prediction(observation.time_s, 1.0, flags=frozenset({Flag.NON_FINITE_OUTPUT}))
        return Prediction(observation.time_s, 1.0, steer_rad=0.0)


def test_a_latched_stop_holds_and_is_told(
    simulator: EmbeddedSimulator, longer_route: Route, tmp_path: Path
) -> None:
    driver = AgentDriver(FailingCamera(), "steering", envelope="stop")
    result = drive_route(simulator, longer_route, driver, rules=RULE_SETS["1.0"], seed=1)
    assert result.tally.envelope["stops"] == 1
    assert result.trace["speed_mps"][-1] == pytest.approx(0.0, abs=1e-6)
    save_route(tmp_path, stored_route(result))
    stored = load_route(tmp_path, 0)
    assert stored is not None
    assert stored.tally.envelope == dict(result.tally.envelope)
    assert "Safety envelope, of" in what_became(stored.tally)
    assert "fallback" in what_became(stored.tally)
    assert stored.interventions == result.tally.interventions.found
    for flag in {each.flag for each in stored.interventions}:
        spans = [each for each in stored.interventions if each.flag == flag]
        assert sum(each.ticks for each in spans) == result.tally.envelope[flag]
        assert all(each.began_s <= each.ended_s for each in spans)
    told = summarise_route(route_folder(tmp_path, 0))
    assert len(told["interventions"]) == len(stored.interventions)
    assert told["latency_ms"]["model_p99"] == 1.0
    assert told["latency_ms"]["driver_p50"] <= told["latency_ms"]["driver_p99"]
    driver.start(longer_route, 1)
    assert not driver.tally.envelope
