"""The routes of an evaluation that are left, driven one after the other or several at a time. Each
is stored as it is finished.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import is_one_here, run_jobs

from auxdrive_eval.driving.agents.fingerprint import Watch
from auxdrive_eval.driving.onlookers.keeping import Keeping
from auxdrive_eval.driving.route_worker import MakeRouteWorker, RouteJob
from auxdrive_eval.driving.settings import EvaluationSettings, traffic_seed
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity, write_driver
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.folder import write_results
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import load_route, save_route
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import WORTH_RETRYING

_log = logging.getLogger(__name__)


@dataclass
class DriveLoop:
    """An evaluation that is being driven.

    Attributes:
        make: makes the workers.
        keeping: what is kept beside the results.
        out: the evaluation's folder.
        settings: with the driver's hash.
        driver: what it consists of.
        routes: in their order.
        watch: of the agent's files, once it drives.
    """

    make: MakeRouteWorker
    keeping: Keeping
    out: Path
    settings: EvaluationSettings
    driver: DriverIdentity
    routes: Sequence[Route]
    watch: Watch | None = None

    def run(
        self, workers: Workers, retry_crashed: bool, on_route: Callable[[StoredRoute, bool], None]
    ) -> Evaluation:
        """Drive what is not stored yet.

        Args:
            workers: who drives.
            retry_crashed: see `auxdrive_eval.driving.evaluate.drive_all`.
            on_route: likewise.
        """
        out, jobs = self.out, self._jobs()
        found = {
            job.index: stored for job in jobs if (stored := load_route(out, job.index)) is not None
        }
        done = {
            index: stored
            for index, stored in found.items()
            if not (retry_crashed and stored.record.status in WORTH_RETRYING)
        }
        for index in sorted(done):
            on_route(done[index], True)
        self.keeping.found(done)
        document = write_results(out, self.settings, done, self.driver.sensors)
        # The longest routes first. Otherwise one process might drive a long route at the end while
        # the others have nothing to do.
        left = sorted(
            (job for job in jobs if job.index not in done),
            key=lambda job: -job.route.length_m if not is_one_here(workers) else 0.0,
        )
        if left and self.make.driver.source.agent is not None and self.driver.files:
            self.watch = Watch(self.make.driver.source.agent.path, out, self.driver.files)
        for job, driven in run_jobs(self.make, left, workers):
            save_route(out, self.keeping.take(driven) if workers.elsewhere else driven)
            stored = load_route(out, job.index)
            assert stored is not None
            done[job.index] = stored
            self.keeping.stored()
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

    def _jobs(self) -> list[RouteJob]:
        seed, repeats = self.settings.seed, self.settings.repeats
        return [
            RouteJob(number * repeats + repeat, route, traffic_seed(seed, route, repeat), repeat)
            for number, route in enumerate(self.routes)
            for repeat in range(repeats)
        ]

    def _note_changed_files(self, job: RouteJob) -> None:
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
        agent = self.make.driver.source.agent
        if agent is None:
            return
        now = self.driver.with_new_files(agent, self.out)
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
            write_driver(self.out, now)
