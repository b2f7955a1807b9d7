"""What makes controls of an agent's predictions: a controller, alone or in a safety envelope."""

from __future__ import annotations

from collections import Counter

from auxdrive import EnvelopeFlag, EnvelopeOptions, SafetyEnvelope
from auxdrive.controllers import make_controller
from auxdrive.controllers.base import Controller
from auxdrive.controllers.creep import Creeping
from auxdrive.envelope.kinds import FallbackKind
from auxdrive.errors import AuxdriveError, InputError, UsageError
from auxdrive.tasks import TASKS, task_of
from auxdrive.types import WITHHOLDING, Control, Observation, Prediction

from auxdrive_eval.driving.agents.messages import AgentDescription
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.scoring.records import CRASHED
from auxdrive_eval.world import WorldState

STAND = Control(0.0, 0.0, 1.0)
"""Until the first usable prediction the car brakes."""


class Following:
    """Makes controls of the predictions of one route.

    Args:
        description: of the agent.
        controller: name of a controller; None takes that of the task of the first usable prediction
            (`TaskSpec`).
        creep_after_s: drive on after standing for so long (see `auxdrive.controllers.creep`); None
            never does.
        envelope: the fallback of a safety envelope around the controller; None drives without one.
            With one, the controller is called at every tick, with one only at each new prediction.

    Attributes:
        interventions: how many ticks the envelope raised each flag, and how many it saw.
        flags: what it raised at this tick.

    Raises:
        UsageError: the controller or the envelope does not fit the vehicle.
    """

    def __init__(
        self,
        description: AgentDescription,
        controller: str | None,
        creep_after_s: float | None = None,
        envelope: FallbackKind | None = None,
    ) -> None:
        self._description = description
        self._creep_after_s = creep_after_s
        self._kind = envelope
        self._controller: Controller | None = None
        self._envelope: SafetyEnvelope | None = None
        self._seen: tuple[Observation, Prediction] | None = None
        self.flags: frozenset[EnvelopeFlag] = frozenset()
        if controller is not None:
            self._take(controller)

    @property
    def interventions(self) -> Counter[str]:
        """How many ticks the envelope raised each flag; under "ticks" how many it saw. Empty
        without one.
        """
        counters = {} if self._envelope is None else self._envelope.counters
        told = {name: count for name, count in counters.items() if count}
        for own in ("frames", "records_failed"):
            told.pop(own, None)
        return Counter(told)

    def follow(
        self, observation: Observation, prediction: Prediction, state: WorldState
    ) -> tuple[Control, bool]:
        """The control for a new prediction.

        Args:
            observation: of which the agent predicted.
            prediction: the new one.
            state: the world now.

        Returns:
            The control, and whether the car brakes because the prediction cannot be used.

        Raises:
            AgentFailed: the prediction cannot be followed.
        """
        try:
            if self._controller is None:
                if prediction.flags & WITHHOLDING or prediction.is_empty:
                    return STAND, True  # no usable prediction yet, so the task is not known
                self._take(_controller_of(prediction))
            assert self._controller is not None
            self._seen = (observation, prediction)
            if self._envelope is None:
                control = self._controller.step(prediction, state.speed_mps, state.time_s)
            else:
                control = self._guarded(self._envelope, state)
        except AuxdriveError as error:
            raise AgentFailed(CRASHED, f"its prediction cannot be followed: {error}") from error
        return control, bool(self._controller.stop_reason)

    def between(self, held: Control, state: WorldState) -> Control:
        """The control for a tick without a new prediction.

        Args:
            held: the last control.
            state: the world now.

        Raises:
            AgentFailed: the last prediction cannot be followed any more.
        """
        if self._envelope is None or self._seen is None:
            return held
        try:
            return self._guarded(self._envelope, state)
        except AuxdriveError as error:
            raise AgentFailed(CRASHED, f"its prediction cannot be followed: {error}") from error

    def _guarded(self, envelope: SafetyEnvelope, state: WorldState) -> Control:
        assert self._seen is not None
        guarded = envelope.step(*self._seen, state.speed_mps, state.time_s)
        self.flags = guarded.flags
        return guarded.control

    def _take(self, name: str) -> None:
        given = self._description
        controller: Controller = make_controller(name, given.steering, given.vehicle)
        if self._creep_after_s is not None:
            controller = Creeping(controller, self._creep_after_s)
        self._controller = controller
        if self._kind is not None:
            options = EnvelopeOptions.model_validate({"fallback": {"kind": self._kind}})
            self._envelope = SafetyEnvelope(
                controller, given.steering, given.vehicle, given.camera, options
            )


def _controller_of(prediction: Prediction) -> str:
    """The name of the default controller of the prediction's task.

    Raises:
        UsageError: the task has none.
    """
    task = task_of(prediction)
    if task is None or task.controller is None:
        what = ", ".join(prediction.values) if task is None else task.predicts
        raise UsageError(f"no controller is known for what it predicts ({what}); name one")
    return task.controller


def check_controller(description: AgentDescription, controller: str | None) -> None:
    """Refuse a controller that does not fit the agent's vehicle, or its task if the agent names
    one.

    Args:
        description: of the agent.
        controller: name of a controller; None takes that of the agent's task, and nothing is
            checked.

    Raises:
        UsageError: the controller does not fit.
    """
    if controller is None:
        return
    made = make_controller(controller, description.steering, description.vehicle)
    if description.task is not None:
        try:
            made.step(TASKS[description.task].example(), 0.0, 1.0)
        except InputError as error:
            raise UsageError(f"{description.name} predicts {description.task}: {error}") from error
