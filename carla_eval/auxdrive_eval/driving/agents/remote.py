"""The agent as a route's driver has it: in another process, loaded and reset by one rule, and with
two ways to fail.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from auxdrive.errors import AuxdriveError
from auxdrive.modalities import Modality
from auxdrive.strict import mistakes_of
from auxdrive.types import AnyArray, Observation, Prediction
from pydantic import ValidationError

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.messages import AgentDescription, PredictionMessage
from auxdrive_eval.driving.agents.process import AgentFault, AgentLimits, AgentProcess
from auxdrive_eval.driving.agents.wire import IMAGE, NO_ARRAYS, OBSERVED
from auxdrive_eval.scoring.records import CRASHED, SET_UP

_log = logging.getLogger(__name__)


class AgentFailed(Exception):
    """The agent failed, and with it the route; nothing else does.

    Attributes:
        failure: the leaderboard's words, `SET_UP` or `CRASHED`. reason: one line. detail: traceback
            or last output, or empty.
        own: the error, where it was one of auxdrive's. replied: its process was there to say so.
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
        """The reason, and the detail below it."""
        return f"{self.reason}\n\n{self.detail}".strip()


class RemoteAgent:
    """An agent in a process of its own.

    An agent with `reset()` is loaded once and reset for every route; one without is loaded anew for
    each, so that no route knows of those before it. After a failure a new process is begun in
    either case.

    Args:
        described: what it said of itself before the evaluation began. An agent that says something
            else later cannot be set up: the simulator's camera was made for the first.
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
        """What the agent says of itself; loads it, if that has never been done.

        Raises:
            AgentFailed: it cannot be loaded.
        """
        if self._described is None:
            self._load()
        assert self._described is not None
        return self._described

    def begin(self, seed: int) -> None:
        """A new route, whose random numbers come from `seed`.

        Raises:
            AgentFailed: it cannot be loaded or reset.
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
        """See `auxdrive.agent.Agent.act`.

        Raises:
            AgentFailed: it raised something, ended, took too long, or returned something else than
                a prediction.
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
        """The end of what it has printed on this route."""
        return self._said if self._process is None else self._process.output()

    def close(self) -> None:
        """Close the agent, if one is loaded. A failure is said, and costs no route anything."""
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
                # The loader of another agent may have ended the process, or hang: the next ones are
                # asked without it.
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
        f"{name} was {getattr(before, name)!r:.80} and is {getattr(now, name)!r:.80}"
        for name in names
    )
    return f"it is not the agent that the evaluation began with: {differences}"
