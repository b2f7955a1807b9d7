"""One worker's part of an evaluation: it drives routes in a simulator of its own, with an agent of
its own. It stores nothing: the process that hands out the routes does, wherever the worker is.
"""

from __future__ import annotations

import logging
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
from auxdrive_eval.driving.keeping import NOTHING_KEPT, Keeping
from auxdrive_eval.driving.onlookers import dropping
from auxdrive_eval.driving.route_store import StoredRoute, stored_route
from auxdrive_eval.driving.runner import Failure, RouteResult, drive_route, not_driven
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import SIMULATION_CRASHED
from auxdrive_eval.simulators.base import ATTEMPTS, SimulationCrashed, Simulator
from auxdrive_eval.simulators.settings import (
    SimulatorSettings,
    make_simulator,
    require_simulator,
)
from auxdrive_eval.world import Route

_log = logging.getLogger(__name__)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class RouteJob:
    """One drive of one route.

    Attributes:
        index: number of the drive among all, from 0; its result is stored under it.
        route: what is driven.
        seed: of traffic, lights and the agent's random numbers.
        repeat: which of the route's repeats this is, from 0.
    """

    index: int
    route: Route
    seed: int
    repeat: int


@dataclass(frozen=True, slots=True)
class MakeRouteWorker:
    """Makes the worker of a process. It can be sent to another process if it has no `ready` agent.

    Attributes:
        source: who drives.
        described: the agent's description from before the evaluation; None for the expert, and for
            an agent that could not be set up.
        simulator: what the routes are driven in. An agent's own camera takes the place of its
            camera.
        rules: name of the rule set.
        keeping: what is kept of each drive beside its result.
        ready: the agent if it is loaded already, for a single worker in this process.
        expected: SHA-256 of each of the agent's files by its name, with which those of another
            machine are compared.
    """

    source: DriverSource
    described: AgentDescription | None
    simulator: SimulatorSettings
    rules: str
    keeping: Keeping = NOTHING_KEPT
    ready: RemoteAgent | None = None
    expected: Mapping[str, str] = field(default_factory=dict)

    def with_agent(
        self, agent: RemoteAgent | None, workers: Workers, files: Mapping[str, str]
    ) -> MakeRouteWorker:
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

    def __call__(self) -> RouteWorker:
        return RouteWorker(self)

    def check_machine(self) -> None:
        """Refuse another machine that lacks what the routes need. Else they would fail there, or
        another agent would drive them.

        Raises:
            ModuleNotFoundError: it lacks the simulator, or what is kept of drives needs a package.
            UsageError: the agent is not there, is another one, or cannot be set up.
        """
        require_simulator(self.simulator)
        self.keeping.require()
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

    def driver(self) -> Driver:
        """The worker's driver. An agent that is not loaded yet is loaded when it is first used."""
        source = self.source
        if source.agent is None:
            return ExpertDriver()
        agent = self.ready or RemoteAgent(source.agent, source.limits, self.described)
        return AgentDriver(agent, source.controller, source.creep_after_s, source.envelope)


class RouteWorker:
    """Drives routes in one simulator.

    Args:
        make: what the worker is made of.
    """

    def __init__(self, make: MakeRouteWorker) -> None:
        self._make, self._rules = make, RULE_SETS[make.rules]
        self._driver = make.driver()
        self._simulator: Simulator | None = None

    def __call__(self, job: RouteJob) -> StoredRoute:
        _log.debug(
            f"route {job.route.route_id} begins: {job.route.length_m:.0f} m, seed {job.seed}"
        )
        try:
            camera = self._driver.camera
        except AgentFailed as failed:
            result = self._not_driven(job, failed)
        else:
            seen = self._make.simulator
            result = self._driven(job, seen if camera is None else seen.with_camera(camera))
        return stored_route(result)

    def _driven(self, job: RouteJob, settings: SimulatorSettings) -> RouteResult:
        """The result of a route. One whose simulation crashed is driven again from its start, in a
        simulator that is made anew: what was driven before the crash is not counted.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self._simulator is None:
                    self._simulator = make_simulator(settings)
                result = self._watched(self._simulator, job)
            except SimulationCrashed as crashed:  # it could not be made
                result = self._not_driven(job, Failure(SIMULATION_CRASHED, str(crashed)))
            if not result.crashed:
                break
            _log.warning(
                "route %s, attempt %d of %d: the simulation crashed: %s",
                job.route.route_id,
                attempt,
                ATTEMPTS,
                result.error,
            )
            self._close_simulator()
        return result

    def _watched(self, simulator: Simulator, job: RouteJob) -> RouteResult:
        onlookers = self._make.keeping.onlookers(simulator, job.route, job.index)
        with dropping(onlookers):
            result = drive_route(
                simulator,
                job.route,
                self._driver,
                rules=self._rules,
                seed=job.seed,
                index=job.index,
                repeat=job.repeat,
                reported_length_m=self._rules.results.length_m(job.route),
                onlookers=onlookers,
            )
            beside: dict[str, bytes] = {}
            for onlooker in onlookers:
                beside |= onlooker.end(result)
        return replace(result, beside=beside)

    def _not_driven(self, job: RouteJob, failed: AgentFailed | Failure) -> RouteResult:
        return not_driven(
            job.route,
            failed,
            rules=self._rules,
            index=job.index,
            repeat=job.repeat,
            reported_length_m=self._rules.results.length_m(job.route),
        )

    def _close_simulator(self) -> None:
        simulator, self._simulator = self._simulator, None
        if simulator is not None:
            simulator.close()

    def close(self) -> None:
        """Release the driver and the simulator."""
        self._driver.close()
        self._close_simulator()
