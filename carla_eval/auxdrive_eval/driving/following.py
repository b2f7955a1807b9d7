"""What makes controls of an agent's predictions: a controller, alone or in a safety envelope."""

from __future__ import annotations

from collections import Counter

from auxdrive import EnvelopeFlag, EnvelopeOptions, SafetyEnvelope
from auxdrive.controllers import make_controller
from auxdrive.controllers.base import Controller
from auxdrive.controllers.creep import Creeping
from auxdrive.envelope.kinds import FallbackKind
from auxdrive.errors import InputError, UsageError
from auxdrive.tasks import TASKS, task_of
from auxdrive.types import WITHHOLDING, Control, Observation, Prediction

from auxdrive_eval.driving.agents.messages import AgentDescription

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
        self, observation: Observation, prediction: Prediction, speed_mps: float, now_s: float
    ) -> tuple[Control, bool]:
        """The control for a new prediction.

        Args:
            observation: of which the agent predicted.
            prediction: the new one.
            speed_mps: measured forward speed.
            now_s: the time of this tick, on the clock of the observations.

        Returns:
            The control, and whether the car brakes because the prediction cannot be used.

        Raises:
            AuxdriveError: the prediction cannot be followed.
        """
        if self._controller is None:
            if prediction.flags & WITHHOLDING or prediction.is_empty:
                return STAND, True  # no usable prediction yet, so the task is not known
            self._take(_controller_of(prediction))
        self._seen = (observation, prediction)
        control = self._again(self._seen, speed_mps, now_s)
        assert self._controller is not None
        return control, bool(self._controller.stop_reason)

    def between(self, held: Control, speed_mps: float, now_s: float) -> Control:
        """The control for a tick at which the agent does not predict.

        Args:
            held: the last control.
            speed_mps: measured forward speed.
            now_s: the time of this tick.

        Raises:
            AuxdriveError: the last prediction cannot be followed any more.
        """
        if self._envelope is None or self._seen is None:
            return held
        return self._again(self._seen, speed_mps, now_s)

    def waiting(self, speed_mps: float, now_s: float) -> Control:
        """The control for a tick at which the agent should predict and cannot, because a sensor
        sends nothing. The last prediction is driven by until it is too old.

        Args:
            speed_mps: measured forward speed.
            now_s: the time of this tick.

        Raises:
            AuxdriveError: the last prediction cannot be followed any more.
        """
        return STAND if self._seen is None else self._again(self._seen, speed_mps, now_s)

    def _again(
        self, seen: tuple[Observation, Prediction], speed_mps: float, now_s: float
    ) -> Control:
        assert self._controller is not None, "a prediction was followed"
        if self._envelope is None:
            return self._controller.step(seen[1], speed_mps, now_s)
        guarded = self._envelope.step(*seen, speed_mps, now_s)
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
