"""Taking a drive apart: every infraction and every stop, the seconds before it, its kind, and what
the kinds cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from auxdrive.cards import CameraSpec
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.publish import write_atomic
from auxdrive.work import ShowProgress, Work, no_progress

from auxdrive_eval.criteria import Event
from auxdrive_eval.diagnosis.cases import Case, cases_of
from auxdrive_eval.diagnosis.cost import costs_of, mean_costs
from auxdrive_eval.diagnosis.course import Course
from auxdrive_eval.diagnosis.kinds import Kind, kind_of
from auxdrive_eval.diagnosis.log import read_facts, recalled
from auxdrive_eval.diagnosis.record import (
    DIAGNOSIS_NAME,
    CaseRecord,
    Diagnosis,
    MomentRecord,
    RouteCosts,
)
from auxdrive_eval.diagnosis.repeat import (
    DrivingHand,
    Hand,
    RecordedHand,
    Repeated,
    Seen,
    Shot,
    repeat,
)
from auxdrive_eval.diagnosis.strips import frames_of
from auxdrive_eval.diagnosis.words import sentences_of
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.fingerprint import fingerprint, hash_files
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.decisions import read_controls, read_predictions
from auxdrive_eval.driving.drivers import Driver
from auxdrive_eval.driving.folder import DriverIdentity, is_drive
from auxdrive_eval.driving.found_drive import read_found_drive
from auxdrive_eval.driving.route_store import StoredRoute
from auxdrive_eval.driving.route_worker import MakeRouteWorker
from auxdrive_eval.driving.settings import DriverSource, EvaluationSettings, traffic_seed
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import WORTH_RETRYING
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator, require_simulator
from auxdrive_eval.world import Route


@dataclass(frozen=True, slots=True)
class DiagnosedCase:
    """A case with what is shown of it.

    Attributes:
        record: what is stored of it.
        seen: what was seen, without the images.
        frames: the images as JPEG, with the plans drawn in, one for each of its moments; None
            where it has none.
    """

    record: CaseRecord
    seen: Seen
    frames: tuple[bytes | None, ...] = ()


@dataclass(frozen=True, slots=True)
class DiagnosedRoute:
    """A drive of a route with its cases.

    Attributes:
        route: as planned.
        stored: the drive.
        cases: in the order of time.
    """

    route: Route
    stored: StoredRoute
    cases: tuple[DiagnosedCase, ...]


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """A drive that was taken apart.

    Attributes:
        diagnosis: what is stored of it.
        settings: of the drive.
        simulator: in which it was driven, with the driver's camera.
        routes: those with cases.
    """

    diagnosis: Diagnosis
    settings: EvaluationSettings
    simulator: SimulatorSettings
    routes: tuple[DiagnosedRoute, ...]


def diagnose(
    path: Path,
    drivers: Sequence[Path] = (),
    progress: ShowProgress = no_progress,
) -> Diagnosed:
    """Take a drive apart. Its routes are driven again, in its own simulator, up to the last event
    of each.

    Args:
        path: the drive's folder.
        drivers: bundles and runs, for drives that kept no controls; the one that drove is found
            among them by its hash.
        progress: shows how many routes are done.

    Raises:
        DataError: the folder holds no drive, or a damaged one.
        UsageError: the worlds have changed since, or are not of a simulator that can repeat a
            drive.
    """
    if not is_drive(path):
        raise DataError(f"{path}: holds no drive; name a folder that `auxdrive drive` filled")
    drive = read_found_drive(path)
    if drive.broken:
        raise DataError(f"{path} is damaged, `auxdrive inspect` tells all of it: {drive.broken[0]}")
    if not drive.done or drive.settings is None or drive.driver is None:
        raise DataError(f"{path} has driven no route yet; `auxdrive drive --resume` goes on")
    settings, notes = drive.settings, []
    if drive.left:
        notes.append(f"{len(drive.left)} of {drive.total} drives are not driven; they are left out")
    repeating = _Repeating(path, settings, drive.driver, drivers)
    routes, costs = [], []
    work = Work(f"diagnosing {path}", "route", len(drive.done))
    with closing(repeating), progress(work) as shown:
        for index in sorted(drive.done):
            stored = drive.done[index]
            route, number = drive.planned(index)
            if route is None:
                raise DataError(f"{path}: its plan has no route for the drive {index}")
            diagnosed = repeating.route(route, stored, number)
            routes.append(diagnosed)
            costs.append(_costs(settings, diagnosed))
            shown.done()
    notes += repeating.notes
    diagnosis = Diagnosis(
        path=str(path),
        driver=settings.driver,
        role=settings.role,
        rules=settings.rules,
        simulator=f"{settings.simulator}, version {settings.simulator_version}",
        driven=len(drive.done),
        total=drive.total,
        costs=mean_costs([each.costs for each in costs]),
        routes=tuple(costs),
        cases=tuple(case.record for each in routes for case in each.cases),
        notes=tuple(notes),
    )
    with_cases = tuple(each for each in routes if each.cases)
    return Diagnosed(diagnosis, settings, repeating.simulator, with_cases)


def write_diagnosis(diagnosed: Diagnosed) -> Path:
    """Write `diagnosis.json` into the drive's folder, and return its path.

    Args:
        diagnosed: the drive.
    """
    path = Path(diagnosed.diagnosis.path) / DIAGNOSIS_NAME
    write_atomic(path, diagnosed.diagnosis.model_dump_json(indent=2).encode() + b"\n")
    return path


class _Repeating:
    """Drives the routes of one drive again, in one simulator."""

    def __init__(
        self,
        path: Path,
        settings: EvaluationSettings,
        identity: DriverIdentity,
        drivers: Sequence[Path],
    ) -> None:
        self._path, self._settings, self._drivers = path, settings, drivers
        self._identity = identity
        self.notes: list[str] = []
        self._driver: Driver | None = None
        camera = identity.camera
        self.simulator = (
            settings.simulator if camera is None else settings.simulator.with_camera(camera)
        )
        self._simulator: Simulator | None = None

    def route(self, route: Route, stored: StoredRoute, number: int) -> DiagnosedRoute:
        """The cases of one drive.

        Args:
            route: as planned.
            stored: the drive.
            number: which of the route's repeats it is.
        """
        cases = cases_of(Course(route), stored, self._settings.creep_after_s)
        if not cases:
            return DiagnosedRoute(route, stored, ())
        repeated = self._looked_at(route, stored, number, cases)
        self._note(stored, repeated)
        camera = self.simulator.options.camera
        told = [_told(seen, route, stored, number, camera) for seen in repeated.seen]
        return DiagnosedRoute(
            route, stored, tuple(case for case in told if not _waited_rightly(case))
        )

    def _looked_at(
        self, route: Route, stored: StoredRoute, number: int, cases: Sequence[Case]
    ) -> Repeated:
        """By the facts that were kept, or else by driving again."""
        facts = read_facts(stored)
        if facts is not None:
            return recalled(cases, facts, read_predictions(stored), stored)
        seed = traffic_seed(self._settings.seed, route, number)
        hand = self._hand(route, stored, seed)
        rules = RULE_SETS[self._settings.rules]
        return repeat(self._made(), route, seed, hand, stored.trace, cases, rules)

    def close(self) -> None:
        """Release simulator and driver."""
        if self._driver is not None:
            self._driver.close()
        if self._simulator is not None:
            self._simulator.close()

    def _made(self) -> Simulator:
        if self._simulator is None:
            require_simulator(self.simulator)
            self._simulator = made = make_simulator(self.simulator)
            if made.version != self._settings.simulator_version:
                made.close()
                raise UsageError(
                    f"{self._path}: was driven in version {self._settings.simulator_version} of "
                    f"the worlds of '{self.simulator.kind}', and this is version {made.version}: "
                    "drive again, and diagnose that drive"
                )
        return self._simulator

    def _hand(self, route: Route, stored: StoredRoute, seed: int) -> Hand:
        controls = read_controls(stored)
        if controls is not None:
            return RecordedHand(controls, read_predictions(stored))
        if self._driver is None:
            self._driver = self._driver_again()
        try:
            if self._driver.camera is not None:
                self.simulator = self.simulator.with_camera(self._driver.camera)
            self._driver.start(route, seed)
        except AgentFailed as failed:
            raise UsageError(
                f"{self._path}: its driver cannot be set up to drive again: {failed.reason}"
            ) from failed
        return DrivingHand(self._driver)

    def _driver_again(self) -> Driver:
        """Who drove, to drive again: for drives that kept no controls."""
        settings = self._settings
        agent = None
        if settings.driver_sha256:
            agent = AgentSource(self._found(), settings.role, precision=settings.precision)
            agent.check()
        source = DriverSource(agent, settings.controller, settings.creep_after_s, settings.envelope)
        return MakeRouteWorker(source, None, settings.simulator, settings.rules).driver()

    def _found(self) -> Path:
        for path in self._drivers:
            made = self._identity.made_while_driving
            files = {name: sha for name, sha in hash_files(path).items() if name not in made}
            if fingerprint(files) == self._settings.driver_sha256:
                return path
        raise UsageError(
            f"{self._path}: kept no controls, so its driver must drive again: give the bundle or "
            f"run that drove ('{self._settings.driver}', the very same files) with --driver"
        )

    def _note(self, stored: StoredRoute, repeated: Repeated) -> None:
        if repeated.differs_at_s is not None:
            self.notes.append(
                f"routes/{stored.record.index:05d}: driven again, it is another drive from "
                f"{repeated.differs_at_s:.2f} s on (another machine or other versions of "
                "libraries?); of what comes after only the rule set's words are known"
            )


def _told(
    seen: Seen, route: Route, stored: StoredRoute, number: int, camera: CameraSpec
) -> DiagnosedCase:
    kind, why = kind_of(seen.around())
    event: Event | None = seen.case.event
    record = CaseRecord(
        index=stored.record.index,
        route_id=route.route_id,
        town=route.town,
        repeat=number,
        event=None if event is None else event.kind,
        message="" if event is None else event.message,
        kind=kind,
        why=why,
        words=tuple(sentences_of(seen)),
        began_s=seen.case.began_s,
        at_s=seen.case.at_s,
        moments=tuple(_moment(shot) for shot in seen.shots),
    )
    frames = frames_of(seen.shots, camera)
    seen.shots = [replace(shot, image=None) for shot in seen.shots]
    return DiagnosedCase(record, seen, frames)


def _moment(shot: Shot) -> MomentRecord:
    predicted, expert = shot.predicted, shot.expert_ego_m
    return MomentRecord(
        facts=shot.instant,
        predicted=() if predicted is None else tuple(predicted.row.ravel().tolist()),
        predicts="" if predicted is None else predicted.task.output_name,
        expert_ego_m=() if expert is None else tuple((x, y) for x, y in expert.tolist()),
    )


def _waited_rightly(case: DiagnosedCase) -> bool:
    """Whether it is a stop that cost nothing and at which the expert would have stood as well."""
    return case.record.event is None and case.record.kind in (Kind.PLANNER, Kind.OTHER)


def _costs(settings: EvaluationSettings, diagnosed: DiagnosedRoute) -> RouteCosts:
    stored = diagnosed.stored
    kinds = [Kind.OTHER] * len(stored.events)
    for case in diagnosed.cases:
        if case.seen.case.number is not None:
            kinds[case.seen.case.number] = case.record.kind
    costs = costs_of(
        RULE_SETS[settings.rules],
        stored.events,
        kinds,
        stored.record.scores.score_route,
        stored.record.status in WORTH_RETRYING,
    )
    return RouteCosts(index=stored.record.index, route_id=diagnosed.route.route_id, costs=costs)
