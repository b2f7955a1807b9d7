"""Drives by the expert's own plan, as if a model had predicted it without a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from auxdrive.controllers import make_controller
from auxdrive.data.plan import PLAN_DTYPE, plan_record, with_plan
from auxdrive.data.state import STATE_DTYPE
from auxdrive.tasks.path_speed import PATH_SPEED
from auxdrive.types import Prediction
from auxdrive_eval.driving.drivers import TICKS_PER_PREDICTION
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_train.tasks.path_speed import PathSpeedTask

LONGEST_S = 240.0


@dataclass(frozen=True)
class Driven:
    """How a drive went.

    Attributes:
        completed: whether the route's end was reached.
        events: what the criteria of leaderboard 1.0 reported, by their kinds.
        seconds: of game time.
        aside_m: the largest distance from the line that the expert drives along.
    """

    completed: bool
    events: tuple[str, ...]
    seconds: float
    aside_m: float


def predicted(simulator: EmbeddedSimulator, time_s: float) -> Prediction:
    """The expert's plan as a prediction of the task path_speed."""
    simulator.expert()
    plan = np.array([plan_record(simulator.expert_plan())], PLAN_DTYPE)
    state = np.zeros(1, STATE_DTYPE)
    state["command"] = state["next_command"] = state["last_command"] = 4
    (row,) = PathSpeedTask().labels(with_plan(state, plan), 10.0).label
    return Prediction(time_s, 0.0, **PATH_SPEED.fields(row))


def drive(
    simulator: EmbeddedSimulator, route: Route, seed: int, options: Mapping[str, object] = {},
) -> Driven:  # fmt: skip
    """Drive a route by the controller path_speed and perfect predictions, without sensors."""
    rules = RULE_SETS["1.0"]
    criteria, completion = rules.criteria(route), rules.completion(route)
    controller = make_controller("path_speed", simulator.steering, simulator.vehicle, options)
    state = simulator.reset(route, seed)
    events: list[str] = []
    done, aside_m = False, 0.0
    while not done and state.time_s < LONGEST_S:
        if state.frame % TICKS_PER_PREDICTION == 0:
            prediction = predicted(simulator, state.time_s)
            control = controller.step(prediction, state.speed_mps, state.time_s)
            assert controller.stop_reason == ""
        state = simulator.step(control)
        events += [event.kind.value for each in criteria for event in each.update(state)]
        done = bool(completion.update(state))
        near = np.hypot(*(route.points - (state.ego.x_m, state.ego.y_m)).T).min()
        aside_m = max(aside_m, float(near))
    return Driven(done, tuple(events), state.time_s, aside_m)
