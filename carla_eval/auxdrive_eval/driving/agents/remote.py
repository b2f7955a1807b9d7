"""The agent of a route's driver: it runs in another process, is loaded or reset for each route, and
can fail in two ways.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from auxdrive.errors import AuxdriveError
from auxdrive.mistakes import mistakes_of
from auxdrive.modalities import Modality
from auxdrive.storage.claims import changed
from auxdrive.types import AnyArray, Observation, Prediction
from pydantic import ValidationError

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.faults import AgentFault
from auxdrive_eval.driving.agents.limits import AgentLimits
from auxdrive_eval.driving.agents.messages import (
    IMAGE,
    OBSERVED,
    AgentDescription,
    PredictionMessage,
)
from auxdrive_eval.driving.agents.process import AgentProcess
from auxdrive_eval.driving.agents.wire import NO_ARRAYS
from auxdrive_eval.scoring.records import CRASHED, SET_UP

_log = logging.getLogger(__name__)


class AgentFailed(Exception):
    """The agent failed. This ends its route, and nothing else.

    Attributes:
        failure: the leaderboard's words, `SET_UP` or `CRASHED`.
        reason: one line.
        detail: traceback or last output, or empty.
        own: the error, if it was one of auxdrive's.
        replied: whether its process reported the failure and still runs.
    """

    def __init__(
        self,
        failure: str,
        reason: str,
        detail: str = "",
        own: AuxdriveError | None = None,
        replied: bool = True,
    ) -> None:
        super().__init__(reason)
        self.failure, self.reason, self.detail, self.own, self.replied = (
            failure,
            reason,
            detail,
            own,
            replied,
        )

    @property
    def text(self) -> str:
        """The reason, with the detail below it."""
        return f"{self.reason}\n\n{self.detail}".strip()


class RemoteAgent:
    """An agent in a process of its own.

    An agent with `reset()` is loaded once and reset for every route. An agent without it is loaded
    again for each route, so that no route is affected by earlier ones. After a failure a new
    process is started in both cases.

    Args:
        source: where the agent is loaded from.
        limits: how long it may take to be set up and to predict.
        described: the agent's description from before the evaluation; None if it is not known. If
            it describes itself differently later, it cannot be set up, since the simulator's camera
            was made for the first description.
    """

    def __init__(
        self, source: AgentSource, limits: AgentLimits, described: AgentDescription | None = None
    ) -> None:
        self.source, self._limits, self._described = source, limits, described
        self._process: AgentProcess | None = None
        self._begun = False
        self._said = ""

    @property
    def description(self) -> AgentDescription:
        """What the agent says about itself. This loads it if it has not been loaded before.

        Raises:
            AgentFailed: it cannot be loaded.
        """
        if self._described is None:
            self._load()
        assert self._described is not None
        return self._described

    def prepare(self) -> None:
        """Load the agent now, and not only for the first route.

        Raises:
            AgentFailed: it cannot be loaded, or is not the one that was described.
        """
        if self._process is None:
            self._load()

    def begin(self, seed: int) -> None:
        """Begin a new route, whose random numbers come from `seed`.

        Raises:
            AgentFailed: the agent cannot be loaded or reset.
        """
        if self._process is not None and self._begun and not self.description.resettable:
            self.close()
        if self._process is None:
            self._load()
        assert self._process is not None
        self._process.forget_output()
        self._begun, self._said = True, ""
        self._ask({"op": "begin", "seed": seed}, self._limits.setup_s, SET_UP)

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:
        """See `auxdrive.agent.Agent.act`. After a failure its process is ended, and the next route
        begins with a new one.

        Args:
            observation: of this moment.
            auxiliaries: a frame of each modality of the description's `auxiliaries`, in the stored
                format, whose shapes and units stand in `auxdrive.MODALITIES`.

        Raises:
            AgentFailed: the agent raised an exception, ended, took too long, or returned something
                that is not a prediction.
        """
        body = {"op": "act", **{name: getattr(observation, name) for name in OBSERVED}}
        frames = {
            IMAGE: observation.image,
            **{modality.value: frame for modality, frame in auxiliaries.items()},
        }
        reply = self._ask(body, self._limits.tick_s, CRASHED, frames)
        try:
            return PredictionMessage.model_validate(reply).prediction()
        except ValidationError as error:
            self._kill()
            raise AgentFailed(
                CRASHED, f"its process gave no prediction: {mistakes_of(error)[0]}"
            ) from None

    def output(self) -> str:
        """The end of what it has printed during this route."""
        return self._said if self._process is None else self._process.output()

    def close(self) -> None:
        """Close the agent if it is loaded. A failure is logged, and does not change any route's
        result.
        """
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.close()
        except AgentFault as fault:
            _log.warning("%s: closing the agent failed: %s", self.source.path, fault.summary)

    def _load(self) -> None:
        first: AgentFailed | None = None
        source = self.source
        while True:
            process = AgentProcess()
            try:
                self._load_in(process, source)
            except AgentFailed as failed:
                # Another agent's loader may have ended the process, or may hang. The next process
                # does not ask it.
                culprit = "" if failed.replied else process.asking
                first = first or failed
                if not culprit or culprit in source.without:
                    raise first from None
                source = replace(source, without=source.without | {culprit})
                continue
            self.source = source
            return

    def _load_in(self, process: AgentProcess, source: AgentSource) -> None:
        try:
            described = AgentDescription.model_validate(process.load(source, self._limits.setup_s))
        except AgentFault as fault:
            process.kill()
            raise AgentFailed(
                SET_UP, fault.summary, fault.detail, fault.own, fault.replied
            ) from fault
        except ValidationError as error:
            process.kill()
            raise AgentFailed(
                SET_UP, f"its process gave no description: {mistakes_of(error)[0]}"
            ) from None
        except BaseException:  # an interrupt
            process.kill()
            raise
        if self._described is not None and described != self._described:
            process.kill()
            raise AgentFailed(SET_UP, _difference(self._described, described))
        self._process, self._described, self._begun = process, described, False

    def _ask(
        self,
        body: Mapping[str, object],
        limit_s: float,
        failure: str,
        arrays: Mapping[str, AnyArray] = NO_ARRAYS,
    ) -> dict[str, object]:
        assert self._process is not None
        try:
            return self._process.ask(body, limit_s, arrays)
        except AgentFault as fault:
            self._kill()
            raise AgentFailed(failure, fault.summary, fault.detail) from fault

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            self._said = process.output()


def _difference(before: AgentDescription, now: AgentDescription) -> str:
    names = [
        name
        for name in AgentDescription.model_fields
        if getattr(before, name) != getattr(now, name)
    ]
    differences = "; ".join(
        changed(name, getattr(before, name), getattr(now, name)) for name in names
    )
    return f"it is not the agent that the evaluation began with: {differences}"
