"""Driving many routes on one process or several. Every finished route is stored, so that an
evaluation can be resumed, and the results do not depend on the number of processes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.geometry import euclidean, polyline_length
from auxdrive.machine.workers import check_workers, run_jobs
from auxdrive.modalities import Modality
from auxdrive.storage.claims import claim, refuse_differences

from auxdrive_eval.driving.agents.fingerprint import Watch
from auxdrive_eval.driving.agents.messages import AgentDescription
from auxdrive_eval.driving.agents.remote import AgentFailed, RemoteAgent
from auxdrive_eval.driving.drivers import AgentDriver, Driver, ExpertDriver, check_controller
from auxdrive_eval.driving.folder import (
    EVALUATION,
    DriverIdentity,
    identify,
    write_driver,
    write_folder,
    write_results,
)
from auxdrive_eval.driving.route_store import (
    StoredRoute,
    clean_partial_routes,
    load_route,
    save_route,
    stored_route,
)
from auxdrive_eval.driving.runner import drive_route, not_driven
from auxdrive_eval.driving.settings import (
    DriverSource,
    EvaluationSettings,
    evaluation_settings,
    traffic_seed,
)
from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS
from auxdrive_eval.scoring.records import AGENT_FAILURES
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator, require_simulator
from auxdrive_eval.world import Route

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    index: int
    route: Route
    seed: int


@dataclass(frozen=True, slots=True)
class _MakeWorker:
    source: DriverSource
    described: AgentDescription | None
    simulator: SimulatorSettings
    rules: str
    out: Path
    ready: RemoteAgent | None = None
    """The agent if it is loaded already, for a single worker in this process."""

    def with_agent(self, agent: RemoteAgent | None, workers: int) -> _MakeWorker:
        """The same, with the agent that was loaded to describe it: kept if this process drives,
        closed if several processes will.
        """
        if agent is None:
            return self
        # other agents' loaders that crashed are not asked again
        source = replace(self.source, agent=agent.source)
        if workers > 1:
            agent.close()
        return replace(self, source=source, ready=agent if workers == 1 else None)

    def __call__(self) -> _RouteWorker:
        return _RouteWorker(self)

    def driver(self) -> Driver:
        source = self.source
        if source.agent is None:
            return ExpertDriver()
        agent = self.ready or RemoteAgent(source.agent, source.limits, self.described)
        return AgentDriver(agent, source.controller, source.creep_after_s)


class _RouteWorker:
    """Drives routes in one simulator and stores their results."""

    def __init__(self, make: _MakeWorker) -> None:
        self._make, self._rules = make, RULE_SETS[make.rules]
        self._driver = make.driver()
        self._simulator: Simulator | None = None

    def __call__(self, job: _Job) -> None:
        _log.debug(
            f"route {job.route.route_id} begins: {job.route.length_m:.0f} m, seed {job.seed}"
        )
        sparse_m = float(polyline_length(np.array(job.route.keypoints), euclidean))
        try:
            camera = self._driver.camera
        except AgentFailed as failed:
            result = not_driven(
                job.route, failed, rules=self._rules, index=job.index, keypoint_length_m=sparse_m
            )
        else:
            if self._simulator is None:
                seen = self._make.simulator
                self._simulator = make_simulator(
                    seen if camera is None else seen.with_camera(camera)
                )
            result = drive_route(
                self._simulator,
                job.route,
                self._driver,
                rules=self._rules,
                seed=job.seed,
                index=job.index,
                keypoint_length_m=sparse_m,
            )
        save_route(self._make.out, stored_route(result))

    def close(self) -> None:
        self._driver.close()
        if self._simulator is not None:
            self._simulator.close()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished evaluation: the results document, the routes, and the result of each. A route
    occurs once for each of its repeats.
    """

    document: dict[str, Any]
    settings: EvaluationSettings
    driven: tuple[StoredRoute, ...]
    routes: tuple[Route, ...]


def drive_all(
    routes: Sequence[Route],
    source: DriverSource,
    simulator: SimulatorSettings,
    out: Path,
    *,
    rules: str = DEFAULT_RULES,
    seed: int = 0,
    repeats: int = 1,
    workers: int = 1,
    resume: bool = False,
    retry_crashed: bool = False,
    on_route: Callable[[StoredRoute, bool], None] = lambda *_: None,
) -> Evaluation:
    """Drive every route `repeats` times, and write `results.json` after each drive.

    The repeats of a route follow each other, as in the leaderboard; each has its own traffic.
    Everything except the wall time (`duration_system`) depends only on the arguments, not on
    `workers`, interruptions or the other routes. An agent that fails ends its route, not the
    evaluation.

    Args:
        routes: what is driven.
        source: who drives.
        simulator: where.
        out: the evaluation's folder.
        rules: name of a rule set.
        seed: of traffic and lights.
        repeats: how often each route is driven.
        workers: number of processes.
        resume: continue an evaluation that `out` holds.
        retry_crashed: drive routes again if the agent crashed on them or could not be set up.
        on_route: called with each finished route, and with whether it was finished before this
            call.

    Raises:
        UsageError: there is nothing to drive; `out` holds an evaluation and `resume` is False; or
            it holds one with other settings.
        AuxdriveError: the agent or the simulator cannot be loaded, so nothing is driven.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_eval import DriverSource, SimulatorSettings, drive_all, make_simulator
        >>> settings = SimulatorSettings(options={"traffic": 0})
        >>> simulator = make_simulator(settings, sensors=False)
        >>> whole = simulator.random_route(1000)
        >>> route = simulator.plan(whole.town, [tuple(whole.points[0]), tuple(whole.points[40])])
        >>> evaluation = drive_all([route], DriverSource(None), settings, Path("drives/expert"))
        >>> evaluation.driven[0].record.status
        'Completed'
    """
    check_workers(workers)
    require_simulator(simulator)
    settings = evaluation_settings(
        routes, source, simulator, rules=rules, repeats=repeats, seed=seed
    )
    if source.agent is not None:
        source.agent.check()
    # the agent's files and fingerprint are known only after it has been loaded
    with claim(out, None, EVALUATION, None if resume else False) as earlier:
        driver_before = DriverIdentity() if earlier is None else earlier[1]
        agent = None if source.agent is None else RemoteAgent(source.agent, source.limits)
        try:
            described = None if agent is None else _described(agent, source.controller)
            driver = identify(
                source.agent,
                described.fingerprint if described else None,
                _sensors(described),
                out,
                driver_before,
            )
            settings = settings.model_copy(update={"driver_sha256": driver.sha256})
            if earlier is not None:
                refuse_differences(out, EVALUATION.differences(earlier, (settings, driver)))
            write_folder(out, settings, driver, routes)
            make = _MakeWorker(source, described, settings.simulator, settings.rules, out)
            return _Drive(make.with_agent(agent, workers), settings, driver, routes).run(
                workers, retry_crashed, on_route
            )
        finally:
            if agent is not None:
                agent.close()
            # also what a worker of a killed run wrote after this run had begun
            clean_partial_routes(out)


@dataclass
class _Drive:
    """An evaluation that is being driven."""

    make: _MakeWorker
    settings: EvaluationSettings
    driver: DriverIdentity
    routes: Sequence[Route]
    watch: Watch | None = None

    def run(
        self, workers: int, retry_crashed: bool, on_route: Callable[[StoredRoute, bool], None]
    ) -> Evaluation:
        out, jobs = self.make.out, self._jobs()
        found = {
            job.index: stored for job in jobs if (stored := load_route(out, job.index)) is not None
        }
        done = {
            index: stored
            for index, stored in found.items()
            if not (retry_crashed and stored.record.status in AGENT_FAILURES)
        }
        for index in sorted(done):
            on_route(done[index], True)
        document = write_results(out, self.settings, done, self.driver.sensors)
        # The longest routes first. Otherwise one process might drive a long route at the end while
        # the others have nothing to do.
        left = sorted(
            (job for job in jobs if job.index not in done),
            key=lambda job: -job.route.length_m if workers > 1 else 0.0,
        )
        if left and self.make.source.agent is not None and self.driver.files:
            self.watch = Watch(self.make.source.agent.path, out, self.driver.files)
        for job, _ in run_jobs(self.make, left, workers):
            stored = load_route(out, job.index)
            assert stored is not None
            done[job.index] = stored
            self._note_new_files()
            self._note_changed_files(job)
            document = write_results(out, self.settings, done, self.driver.sensors)
            on_route(stored, False)
        return Evaluation(
            document,
            self.settings,
            tuple(done[job.index] for job in jobs),
            tuple(job.route for job in jobs),
        )

    def _jobs(self) -> list[_Job]:
        seed, repeats = self.settings.seed, self.settings.repeats
        return [
            _Job(number * repeats + repeat, route, traffic_seed(seed, route, repeat))
            for number, route in enumerate(self.routes)
            for repeat in range(repeats)
        ]

    def _note_changed_files(self, job: _Job) -> None:
        """Warn if the agent's files have changed. Another agent may then drive from here on, since
        the agent is loaded again in each process, and sometimes for every route.
        """
        if self.watch is not None and (changed := self.watch.changed()):
            _log.warning(
                "%s of the agent changed while route %s was driven: this route and those after it "
                "may be another agent's than those before, and --resume will not go on with them",
                ", ".join(changed[:5]),
                job.route.route_id,
            )

    def _note_new_files(self) -> None:
        """Record files that the agent wrote into its own folder, so that they do not make it a
        different agent when the evaluation is resumed.
        """
        agent = self.make.source.agent
        if agent is None:
            return
        now = self.driver.with_new_files(agent, self.make.out)
        if now != self.driver:
            new = ", ".join(
                sorted(set(now.made_while_driving) - set(self.driver.made_while_driving))[:5]
            )
            _log.warning(
                "%s: new files appeared in the agent's folder while it was driven (%s); they are "
                "no part of it",
                agent.path,
                new,
            )
            self.driver = now
            write_driver(self.make.out, now)


_SENSOR_ICONS = {Modality.LIDAR: "carla_lidar"}


def _sensors(described: AgentDescription | None) -> list[str]:
    """The leaderboard's names of an agent's sensors. Empty for the expert, and for an agent that
    could not be set up.
    """
    if described is None:
        return []
    icons = {
        _SENSOR_ICONS.get(modality, "carla_camera")
        for modality in (Modality.RGB, *described.auxiliaries)
    }
    return sorted(icons | {"carla_speedometer"})  # every controller uses the speed


def _described(agent: RemoteAgent, controller: str | None) -> AgentDescription | None:
    """Load the agent before anything is driven. Returns None, and prints why, if it cannot be set
    up.

    Raises:
        AuxdriveError: the agent's loader refuses it with such an error, or it does not fit the
            controller.
    """
    try:
        described = agent.description
    except AgentFailed as failed:
        if failed.own is not None:
            raise failed.own from failed
        _log.warning(
            "%s: %s: %s. Every route will try again",
            agent.source.path,
            failed.failure,
            failed.reason,
        )
        return None
    check_controller(described, controller)
    return described
