"""Making the driver of a worker, on this machine or another."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from auxdrive.errors import UsageError
from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import is_one_here

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.fingerprint import hash_files
from auxdrive_eval.driving.agents.messages import AgentDescription
from auxdrive_eval.driving.agents.remote import AgentFailed, RemoteAgent
from auxdrive_eval.driving.drivers import AgentDriver, Driver, ExpertDriver
from auxdrive_eval.driving.settings import DriverSource

_NAMED = 5


@dataclass(frozen=True, slots=True)
class MakeDriver:
    """Makes a worker's driver. It can be sent to another process if it has no `ready` agent.

    Attributes:
        source: who drives.
        described: the agent's description from before; None for the expert, and for an agent that
            could not be set up.
        ready: the agent if it is loaded already, for a single worker in this process.
        expected: SHA-256 of each of the agent's files by its name, with which those of another
            machine are compared.
    """

    source: DriverSource
    described: AgentDescription | None = None
    ready: RemoteAgent | None = None
    expected: Mapping[str, str] = field(default_factory=dict)

    def with_agent(
        self, agent: RemoteAgent | None, workers: Workers, files: Mapping[str, str]
    ) -> MakeDriver:
        """The same, with the agent that was loaded to describe it: kept if this process drives,
        closed if others will.

        Args:
            agent: the loaded agent; None for the expert.
            workers: who will drive.
            files: SHA-256 of each of its files, by its name.
        """
        if agent is None:
            return self
        here = is_one_here(workers)
        if not here:
            agent.close()
        # other agents' loaders that crashed are not asked again
        known = agent.source.absolute() if workers.elsewhere else agent.source
        source = replace(self.source, agent=known)
        return replace(self, source=source, ready=agent if here else None, expected=files)

    def __call__(self) -> Driver:
        """The driver. An agent that is not loaded yet is loaded when it is first used."""
        source = self.source
        if source.agent is None:
            return ExpertDriver()
        agent = self.ready or RemoteAgent(source.agent, source.limits, self.described)
        return AgentDriver(agent, source.controller, source.creep_after_s, source.envelope)

    def check_machine(self) -> None:
        """Refuse another machine on which another agent would drive.

        Raises:
            UsageError: the agent is not there, is another one, or cannot be set up.
        """
        if self.source.agent is not None:
            self._check_agent(self.source.agent)

    def _check_agent(self, source: AgentSource) -> None:
        source.check()
        found = hash_files(source.path) if self.expected else {}
        if different := [name for name, sha in self.expected.items() if found.get(name) != sha]:
            raise UsageError(
                f"{source.path} is another agent than here: {', '.join(different[:_NAMED])} "
                "differ. Every node needs the same, in a shared folder or in copies"
            )
        if self.described is None:
            return
        with closing(RemoteAgent(source, self.source.limits, self.described)) as agent:
            try:
                agent.prepare()
            except AgentFailed as failed:
                raise UsageError(f"{source.path} cannot be set up: {failed.reason}") from failed
