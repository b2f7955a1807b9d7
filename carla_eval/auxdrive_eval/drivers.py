"""What sits at the wheel during a route: an agent with its controller, or the simulator's own expert."""

from __future__ import annotations

import traceback
from typing import Protocol

from auxdrive.agent import Agent
from auxdrive.controllers import Controller, make_controller
from auxdrive.controllers.creep import Creeping
from auxdrive.errors import AuxdriveError
from auxdrive.modalities import Modality
from auxdrive.types import Control, Observation, Prediction

from auxdrive_eval.planner import RoutePlanner
from auxdrive_eval.sensing import sense
from auxdrive_eval.simulator import Simulator
from auxdrive_eval.world import Route, WorldState

TICKS_PER_PREDICTION = 2
"""The agent sees every second tick, and its control is held in between (as TransFuser's action repeat)."""


STAND = Control(0.0, 0.0, 1.0)
"""Before the first usable prediction there is nothing to follow: brake."""


class AgentCrashed(Exception):
    """The agent's own code failed; the message is its traceback."""


class Driver(Protocol):
    """Gives the control of each tick of a route."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def withheld(self) -> int:
        """Predictions since the route began that were withheld or flagged, so that the car was stopped instead."""

    def start(self, route: Route) -> None:
        """Forget everything; a new route begins."""

    def control(self, simulator: Simulator, state: WorldState) -> Control:
        """What to do now.

        Raises:
            AgentCrashed: it does not know, because it failed.
        """

    def close(self) -> None:
        """Release what it holds."""


class ExpertDriver:
    """The simulator's privileged driver: how well these routes can be driven at all."""

    name = "expert"
    withheld = 0

    def start(self, route: Route) -> None:
        """Nothing to forget."""

    def control(self, simulator: Simulator, state: WorldState) -> Control:  # noqa: ARG002 - the expert looks for itself
        """The expert's control."""
        return simulator.expert()

    def close(self) -> None:
        """Nothing to release."""


class AgentDriver:
    """An agent that sees and predicts, and a controller that turns predictions into control.

    Args:
        controller: name of a controller; None takes "pid" for waypoints and "steering" for steering predictions.
        creep_after_s: push on after standing so long (see `auxdrive.controllers.creep`); None never does.
    """

    def __init__(self, agent: Agent, controller: str | None, creep_after_s: float | None = None) -> None:
        self.name = agent.name
        self._agent = agent
        self._creep_after_s = creep_after_s
        self._controller: Controller | None = None
        if controller is not None:
            self._controller = self._make(controller)
        self._modalities = frozenset({Modality.RGB, *agent.auxiliaries})
        self._planner: RoutePlanner | None = None
        self._held = Control(0.0, 0.0, 0.0)
        self._tick = 0
        self.withheld = 0

    def start(self, route: Route) -> None:
        """A new route: new goals, controller and held control forgotten."""
        self._planner = RoutePlanner(route)
        self._held, self._tick, self.withheld = Control(0.0, 0.0, 0.0), 0, 0
        if self._controller is not None:
            self._controller.reset()

    def control(self, simulator: Simulator, state: WorldState) -> Control:
        """Look and predict on every second tick; hold in between."""
        assert self._planner is not None, "start() comes first"
        target_ego_m, command = self._planner.update(state.ego)
        if self._tick % TICKS_PER_PREDICTION == 0:
            frames = sense(simulator, self._modalities)
            observation = Observation(frames[Modality.RGB], state.time_s, state.speed_mps, target_ego_m, int(command))
            try:
                prediction = self._agent.act(observation, {modality: frames[modality] for modality in self._agent.auxiliaries})
                self.withheld += bool(prediction.flags)
                self._held = self._follow(prediction, state)
            except AuxdriveError:
                raise
            except Exception as error:
                # Whatever a third party's model raises is a crash of the agent: it ends the route and not the evaluation.
                raise AgentCrashed(traceback.format_exc()) from error
        self._tick += 1
        return self._held

    def _follow(self, prediction: Prediction, state: WorldState) -> Control:
        if self._controller is None:
            if prediction.steer_rad is None and prediction.waypoints_ego_m is None:
                return STAND  # withheld: what the model predicts is not known yet
            self._controller = self._make("steering" if prediction.steer_rad is not None else "pid")
        return self._controller.step(prediction, state.speed_mps, state.time_s)

    def _make(self, name: str) -> Controller:
        controller = make_controller(name, self._agent.steering, self._agent.vehicle)
        return controller if self._creep_after_s is None else Creeping(controller, self._creep_after_s)

    def close(self) -> None:
        """Release the agent."""
        self._agent.close()
