"""One worker's part of an evaluation: it drives routes in a simulator of its own, with an agent of
its own. It stores nothing: the process that hands out the routes does, wherever the worker is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.driving.onlookers.base import dropping
from auxdrive_eval.driving.onlookers.keeping import NOTHING_KEPT, Keeping
from auxdrive_eval.driving.runner import Failure, RouteResult, drive_route, not_driven
from auxdrive_eval.driving.stored.route import StoredRoute, stored_route
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import SIMULATION_CRASHED
from auxdrive_eval.simulators.base import ATTEMPTS, SimulationCrashed, Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator, require_simulator

_log = logging.getLogger(__name__)


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
    """Makes the worker of a process. It can be sent to another process if its driver can.

    Attributes:
        driver: makes who drives.
        simulator: what the routes are driven in. An agent's own camera takes the place of its
            camera.
        rules: name of the rule set.
        keeping: what is kept of each drive beside its result.
    """

    driver: MakeDriver
    simulator: SimulatorSettings
    rules: str
    keeping: Keeping = NOTHING_KEPT

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
        self.driver.check_machine()


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
