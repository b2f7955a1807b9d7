"""What sits at the wheel during a route: an agent with its controller, or the simulator's own
expert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from auxdrive.cards import CameraSpec
from auxdrive.controllers import make_controller
from auxdrive.controllers.base import Controller
from auxdrive.controllers.creep import Creeping
from auxdrive.errors import AuxdriveError, InputError, UsageError
from auxdrive.modalities import Modality
from auxdrive.route_follower import RouteFollower
from auxdrive.tasks import TASKS, task_of
from auxdrive.types import WITHHOLDING, AnyArray, Control, Observation, Prediction

from auxdrive_eval.driving.agents.messages import AgentDescription
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.sensing import sense
from auxdrive_eval.scoring.records import CRASHED, SET_UP
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import Route, WorldState

TICKS_PER_PREDICTION = 2
"""The agent sees every second tick, and its control is held in between (as TransFuser's action
repeat).
"""

STAND = Control(0.0, 0.0, 1.0)
"""Before the first usable prediction there is nothing to follow: brake."""


@dataclass(slots=True)
class Tally:
    """What became of the predictions of a route.

    Attributes:
        predictions: all of them. braked: those that could not be driven by (withheld, not finite,
            too old), so that the car was braked.
        flagged: those that came with a flag and were driven by all the same. flags: how often each
            flag came.
    """

    predictions: int = 0
    braked: int = 0
    flagged: int = 0
    flags: Counter[str] = field(default_factory=Counter)

    def add(self, prediction: Prediction, braked: bool) -> None:
        """Count one."""
        self.predictions += 1
        self.braked += braked
        self.flagged += bool(prediction.flags) and not braked
        self.flags.update(flag.value for flag in prediction.flags)


class Driver(Protocol):
    """Gives the control of each tick of a route."""

    @property
    def camera(self) -> CameraSpec | None:
        """The camera that it must see through; None: it does not care. AgentFailed where the agent
        cannot say.
        """

    @property
    def tally(self) -> Tally:
        """What became of its predictions since the route began."""

    def start(self, route: Route, seed: int) -> None:
        """Forget everything; a new route begins. `seed`: of whatever random numbers the driver
        draws.

        Raises:
            AgentFailed: the agent cannot be set up.
        """

    def control(self, simulator: Simulator, state: WorldState) -> Control:
        """What to do now.

        Raises:
            AgentFailed: it does not know, because it failed.
        """

    def output(self) -> str:
        """The end of what the driver has printed on this route."""

    def close(self) -> None:
        """Release what it holds."""


class ExpertDriver:
    """The simulator's privileged driver: how well these routes can be driven at all."""

    camera = None

    def __init__(self) -> None:
        self.tally = Tally()

    def start(self, route: Route, seed: int) -> None:
        """Nothing to forget."""

    def control(self, simulator: Simulator, state: WorldState) -> Control:  # noqa: ARG002 - the expert looks for itself
        """The expert's control."""
        return simulator.expert()

    def output(self) -> str:
        """It says nothing."""
        return ""

    def close(self) -> None:
        """Nothing to release."""


class SeatedAgent(Protocol):
    """An agent as a driver has it: `auxdrive_eval.driving.agents.remote.RemoteAgent`."""

    @property
    def description(self) -> AgentDescription:
        """What it says of itself."""

    def begin(self, seed: int) -> None:
        """A new route."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:
        """Predict; AgentFailed where it cannot."""

    def output(self) -> str:
        """The end of what it has printed on this route."""

    def close(self) -> None:
        """Release it."""


class AgentDriver:
    """An agent that sees and predicts, and a controller that turns predictions into control.

    Args:
        controller: name of a controller; None takes that of the agent's task (`TaskSpec`).
        creep_after_s: push on after standing so long (see `auxdrive.controllers.creep`); None never
            does.
    """

    def __init__(
        self, agent: SeatedAgent, controller: str | None, creep_after_s: float | None = None
    ) -> None:
        self._agent = agent
        self._name, self._creep_after_s = controller, creep_after_s
        self._controller: Controller | None = None
        self._follower: RouteFollower | None = None
        self._held = Control(0.0, 0.0, 0.0)
        self._tick = 0
        self.tally = Tally()

    @property
    def camera(self) -> CameraSpec:
        """The agent's."""
        return self._agent.description.camera

    def start(self, route: Route, seed: int) -> None:
        """A new route: new target points, agent, controller and held control forgotten."""
        self._agent.begin(seed)
        self._follower = RouteFollower(route.points, route.options)
        self._held, self._tick, self.tally = Control(0.0, 0.0, 0.0), 0, Tally()
        try:
            self._controller = None if self._name is None else self._make(self._name)
        except AuxdriveError as error:
            raise AgentFailed(SET_UP, str(error)) from error

    def control(self, simulator: Simulator, state: WorldState) -> Control:
        """Look and predict on every second tick; hold in between."""
        assert self._follower is not None, "start() comes first"
        target_ego_m, command = self._follower.update(state.ego)
        if self._tick % TICKS_PER_PREDICTION == 0:
            auxiliaries = self._agent.description.auxiliaries
            frames = sense(simulator, {Modality.RGB, *auxiliaries})
            observation = Observation(
                frames[Modality.RGB], state.time_s, state.speed_mps, target_ego_m, int(command)
            )
            prediction = self._agent.act(
                observation, {modality: frames[modality] for modality in auxiliaries}
            )
            self._held, braked = self._follow(prediction, state)
            self.tally.add(prediction, braked)
        self._tick += 1
        return self._held

    def _follow(self, prediction: Prediction, state: WorldState) -> tuple[Control, bool]:
        """The control, and whether the car is braked because the prediction cannot be driven by."""
        try:
            if self._controller is None:
                if prediction.flags & WITHHOLDING or prediction.is_empty:
                    return STAND, True  # what the model predicts is not known yet
                self._controller = self._make(_controller_of(prediction))
            control = self._controller.step(prediction, state.speed_mps, state.time_s)
        except AuxdriveError as error:
            raise AgentFailed(CRASHED, f"its prediction cannot be followed: {error}") from error
        return control, bool(self._controller.stop_reason)

    def _make(self, name: str) -> Controller:
        description = self._agent.description
        controller = make_controller(name, description.steering, description.vehicle)
        return (
            controller if self._creep_after_s is None else Creeping(controller, self._creep_after_s)
        )

    def output(self) -> str:
        """The agent's."""
        return self._agent.output()

    def close(self) -> None:
        """Release the agent."""
        self._agent.close()


def _controller_of(prediction: Prediction) -> str:
    """The name of the controller of the task that a prediction is of.

    Raises:
        UsageError: there is none.
    """
    task = task_of(prediction)
    if task is None or task.controller is None:
        what = ", ".join(prediction.values) if task is None else task.predicts
        raise UsageError(f"no controller is known for what it predicts ({what}); name one")
    return task.controller


def check_controller(description: AgentDescription, controller: str | None) -> None:
    """Refuse a controller that does not fit the agent's vehicle, or its task where it says one.

    Raises:
        UsageError: it does not fit.
    """
    if controller is None:
        return
    made = make_controller(controller, description.steering, description.vehicle)
    if description.task is not None:
        try:
            made.step(TASKS[description.task].example(), 0.0, 1.0)
        except InputError as error:
            raise UsageError(f"{description.name} predicts {description.task}: {error}") from error
