"""Who drives a route: an agent with its controller, or the simulator's own expert."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from auxdrive.cards import CameraSpec
from auxdrive.envelope.kinds import FallbackKind
from auxdrive.errors import AuxdriveError
from auxdrive.modalities import Modality
from auxdrive.route_follower import RouteFollower
from auxdrive.standing import StandingTime
from auxdrive.types import AnyArray, Control, Observation, Prediction, RoadOption

from auxdrive_eval.driving.agents.messages import AgentDescription
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.following import Following
from auxdrive_eval.driving.sensing import sense
from auxdrive_eval.driving.tally import Tally
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import CRASHED, SET_UP
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import WorldState

TICKS_PER_PREDICTION = 2
"""The agent predicts at every second tick, and its control is kept in between, as with TransFuser's
action repeat.
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an agent's driver goes by.

    Attributes:
        target_ego_m: the target point when it was predicted, in the ego frame of then.
        command: the route's command there.
        prediction: the last one.
        driver_ms: how long the driver took for it (`LATENCY_DTYPE`).
    """

    target_ego_m: tuple[float, float]
    command: RoadOption
    prediction: Prediction
    driver_ms: float


class Driver(Protocol):
    """Decides the control at each tick of a route."""

    @property
    def camera(self) -> CameraSpec | None:
        """The camera that the driver needs; None if any will do. Raises AgentFailed if the agent
        cannot tell.
        """

    @property
    def tally(self) -> Tally:
        """How the predictions since the start of the route were used."""

    @property
    def seen(self) -> Seen | None:
        """What it last went by; None if it does not predict, or has not yet."""

    def start(self, route: Route, seed: int) -> None:
        """Start a new route, and forget everything about earlier ones.

        Args:
            route: to drive from its beginning.
            seed: of the random numbers that the driver may draw.

        Raises:
            AgentFailed: the agent cannot be set up.
        """

    def control(self, simulator: Simulator, state: WorldState) -> Control:
        """The control for this tick.

        Args:
            simulator: whose sensors show the world as it is now.
            state: the world after the last tick, or as the route begins.

        Raises:
            AgentFailed: the agent failed.
        """

    def watch(self, state: WorldState) -> None:
        """Keep up with the route while somebody else drives, and predict nothing.

        Args:
            state: the world after the last tick, or as the route begins.
        """

    def output(self) -> str:
        """The end of what the driver has printed during this route."""

    def close(self) -> None:
        """Release its resources."""


class ExpertDriver:
    """The simulator's own driver, which knows the whole world. Its scores show how well the routes
    can be driven at all.
    """

    camera = None
    seen: Seen | None = None

    def __init__(self) -> None:
        self.tally = Tally()

    def start(self, route: Route, seed: int) -> None:
        """Does nothing: the expert remembers nothing.

        Args:
            route: not used; the simulator is reset to it.
            seed: not used; the simulator is reset with it.
        """

    def control(self, simulator: Simulator, state: WorldState) -> Control:  # noqa: ARG002 - the expert looks for itself
        """The expert's control.

        Args:
            simulator: whose expert drives.
            state: not used; the simulator knows more.
        """
        return simulator.expert()

    def watch(self, state: WorldState) -> None:
        """Does nothing: the simulator follows its route.

        Args:
            state: not used.
        """

    def output(self) -> str:
        """Empty: the expert prints nothing."""
        return ""

    def close(self) -> None:
        """Does nothing: there is nothing to release."""


class SeatedAgent(Protocol):
    """An agent as a driver uses it; implemented by
    `auxdrive_eval.driving.agents.remote.RemoteAgent`.
    """

    @property
    def description(self) -> AgentDescription:
        """What the agent says about itself."""

    def begin(self, seed: int) -> None:
        """Begin a new route."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:
        """Predict.

        Args:
            observation: what the agent would be given in a vehicle too.
            auxiliaries: a frame of each modality of the description's `auxiliaries`, in the stored
                format, whose shapes and units stand in `auxdrive.MODALITIES`.

        Raises:
            AgentFailed: the agent cannot.
        """

    def output(self) -> str:
        """The end of what the agent has printed during this route."""

    def close(self) -> None:
        """Release the agent."""


class AgentDriver:
    """An agent that predicts, and a controller that turns its predictions into controls.

    Args:
        agent: that predicts; it is loaded when it is first used, and closed with the driver.
        controller: name of a controller; None takes that of the agent's task (`TaskSpec`).
        creep_after_s: drive on after standing for so long (see `auxdrive.controllers.creep`); None
            never does.
        envelope: the fallback of a safety envelope around the controller; None drives without one.
    """

    def __init__(
        self,
        agent: SeatedAgent,
        controller: str | None,
        creep_after_s: float | None = None,
        envelope: FallbackKind | None = None,
    ) -> None:
        self._agent = agent
        self._name, self._creep_after_s = controller, creep_after_s
        self._envelope = envelope
        self._following: Following | None = None
        self._follower: RouteFollower | None = None
        self._standing = StandingTime()
        self._held = Control(0.0, 0.0, 0.0)
        self._tick = 0
        self.tally = Tally()
        self.seen: Seen | None = None

    @property
    def camera(self) -> CameraSpec:
        """The camera that the agent needs."""
        return self._agent.description.camera

    def start(self, route: Route, seed: int) -> None:
        """Start a new route: agent, controller, target points and the kept control begin anew.

        Args:
            route: whose points give the agent its target points and commands.
            seed: of the agent's random numbers.

        Raises:
            AgentFailed: the agent cannot be loaded or reset, or its controller cannot be made.
        """
        self._agent.begin(seed)
        self._follower = RouteFollower(route.points, route.options)
        self._standing = StandingTime()
        self._held, self._tick, self.tally = Control(0.0, 0.0, 0.0), 0, Tally()
        self.seen = None
        try:
            self._following = Following(
                self._agent.description, self._name, self._creep_after_s, self._envelope
            )
        except AuxdriveError as error:
            raise AgentFailed(SET_UP, str(error)) from error

    def control(self, simulator: Simulator, state: WorldState) -> Control:
        """Predict at every second tick; in between keep the control, or ask the safety envelope.

        Args:
            simulator: whose sensors show what the agent sees now.
            state: the world after the last tick, or as the route begins.

        Raises:
            AgentFailed: the agent failed, or its prediction cannot be followed.
            SimulatorError: the simulator has no sensor for a modality that the agent needs.
        """
        assert self._follower is not None, "start() comes first"
        assert self._following is not None, "start() comes first"
        told = self._follower.update(state.ego)
        self._standing.update(state.speed_mps, state.time_s)
        if self._tick % TICKS_PER_PREDICTION == 0:
            auxiliaries = self._agent.description.auxiliaries
            frames = sense(simulator, {Modality.RGB, *auxiliaries})
            observation = Observation(
                frames[Modality.RGB],
                state.time_s,
                state.speed_mps,
                told.target_ego_m,
                int(told.command),
                told.next_targets_ego_m,
                int(told.next_command),
                self._standing.standing_s,
                self._standing.moving_s,
                told.last_target_ego_m,
                int(told.last_command),
            )
            began_s = time.perf_counter()
            prediction = self._agent.act(
                observation, {modality: frames[modality] for modality in auxiliaries}
            )
            with _followed():
                self._held, braked = self._following.follow(
                    observation, prediction, state.speed_mps, state.time_s
                )
            took_ms = (time.perf_counter() - began_s) * 1e3
            self.tally.add(prediction, braked, state.time_s, took_ms)
            self.seen = Seen(told.target_ego_m, told.command, prediction, took_ms)
        else:
            with _followed():
                self._held = self._following.between(self._held, state.speed_mps, state.time_s)
        self.tally.envelope = self._following.interventions
        self.tally.interventions.note(state.time_s, self._following.flags)
        self._tick += 1
        return self._held

    def watch(self, state: WorldState) -> None:
        """Follow the route and count the time of standing; the agent sees nothing.

        Args:
            state: the world after the last tick, or as the route begins.
        """
        assert self._follower is not None, "start() comes first"
        self._follower.update(state.ego)
        self._standing.update(state.speed_mps, state.time_s)

    def output(self) -> str:
        """The end of what the agent has printed during this route."""
        return self._agent.output()

    def close(self) -> None:
        """Release the agent."""
        self._agent.close()


@contextmanager
def _followed() -> Iterator[None]:
    """Turn an error of controller or envelope into the agent's failure.

    Raises:
        AgentFailed: its prediction cannot be followed.
    """
    try:
        yield
    except AuxdriveError as error:
        raise AgentFailed(CRASHED, f"its prediction cannot be followed: {error}") from error
