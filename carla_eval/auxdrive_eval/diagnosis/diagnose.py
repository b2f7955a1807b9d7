"""Taking a drive apart: every infraction and every stop, the seconds before it, its kind, and what
the kinds cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from auxdrive.cards import CameraSpec
from auxdrive.errors import DataError
from auxdrive.storage.publish import write_atomic
from auxdrive.work import ShowProgress, Work, no_progress

from auxdrive_eval.criteria import Event
from auxdrive_eval.diagnosis.cases import cases_of
from auxdrive_eval.diagnosis.cost import costs_of, mean_costs
from auxdrive_eval.diagnosis.course import Course
from auxdrive_eval.diagnosis.kinds import Kind, kind_of
from auxdrive_eval.diagnosis.page.strips import frames_of
from auxdrive_eval.diagnosis.page.words import sentences_of
from auxdrive_eval.diagnosis.record import (
    DIAGNOSIS_NAME,
    CaseRecord,
    Diagnosis,
    MomentRecord,
    RouteCosts,
)
from auxdrive_eval.diagnosis.repeats.repeat import Seen, Shot
from auxdrive_eval.diagnosis.repeats.repeating import Repeating
from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.driving.stored.folder import is_drive
from auxdrive_eval.driving.stored.found_drive import read_sound_drive
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import WORTH_RETRYING
from auxdrive_eval.simulators.settings import SimulatorSettings


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
    drive, settings, driver = read_sound_drive(path)
    notes = []
    if drive.left:
        notes.append(f"{len(drive.left)} of {drive.total} drives are not driven; they are left out")
    repeating = Repeating(path, settings, driver, drivers)
    routes, costs = [], []
    work = Work(f"diagnosing {path}", "route", len(drive.done))
    with closing(repeating), progress(work) as shown:
        for index in sorted(drive.done):
            stored = drive.done[index]
            route, number = drive.planned(index)
            if route is None:
                raise DataError(f"{path}: its plan has no route for the drive {index}")
            diagnosed = _route(repeating, settings, route, stored, number)
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


def _route(
    repeating: Repeating,
    settings: EvaluationSettings,
    route: Route,
    stored: StoredRoute,
    number: int,
) -> DiagnosedRoute:
    """The cases of one drive of a route."""
    cases = cases_of(Course(route), stored, settings.creep_after_s)
    seen = repeating.look(route, stored, number, cases) if cases else ()
    camera = repeating.simulator.options.camera
    told = [_told(each, route, stored, number, camera) for each in seen]
    return DiagnosedRoute(route, stored, tuple(case for case in told if not _waited_rightly(case)))


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
