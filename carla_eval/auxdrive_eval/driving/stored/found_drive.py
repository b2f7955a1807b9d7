"""What can be read of an evaluation's folder, damaged or not finished as it may be; and whether its
files fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from auxdrive.errors import AuxdriveError, DataError
from auxdrive.storage.publish import is_partial
from auxdrive.storage.reading import entries, exists, read_bytes
from auxdrive.strict import MAX_JSON_BYTES, parse_object
from auxdrive.types import AnyArray

from auxdrive_eval.driving.settings import EvaluationSettings, read_settings
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity, read_driver
from auxdrive_eval.driving.stored.folder import RESULTS_NAME
from auxdrive_eval.driving.stored.plan import PLAN_NAME, read_plan
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import read_route, route_folders
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.infractions import infractions_of
from auxdrive_eval.scoring.records import AGENT_FAILURES, LEADERBOARD_1_ROUTES
from auxdrive_eval.scoring.rule_sets import RuleSet

_EQUAL = 1e-9
Read = TypeVar("Read")


@dataclass
class FoundDrive:
    """What could be read of an evaluation, and what could not. A drive is one repeat of one route;
    drives are numbered from 0, and the repeats of a route follow each other.

    Attributes:
        path: the evaluation's folder.
        settings: None if they could not be read.
        driver: what the driver consists of; None if that could not be read.
        plan: the planned routes; empty if they or the settings could not be read.
        done: the finished drives by their numbers.
        damaged: why a drive cannot be read, by its number.
        broken: everything that is damaged or contradicts itself, in words.
        doubts: what is no damage, but should be known, in words.
    """

    path: Path
    settings: EvaluationSettings | None = None
    driver: DriverIdentity | None = None
    plan: tuple[Route, ...] = ()
    done: dict[int, StoredRoute] = field(default_factory=dict)
    damaged: dict[int, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of drives that were planned; if no file says it, the number that are there."""
        if self.settings is None:
            return len(self.done) + len(self.damaged)
        return self.settings.route_count * self.settings.repeats

    @property
    def left(self) -> list[int]:
        """The drives that are still to be driven."""
        return [i for i in range(self.total) if i not in self.done and i not in self.damaged]

    @property
    def crashed(self) -> list[int]:
        """The finished drives that ended because the agent itself failed."""
        return [i for i, each in sorted(self.done.items()) if each.record.status in AGENT_FAILURES]

    def planned(self, index: int) -> tuple[Route | None, int]:
        """The route of the drive with that number, and which of its repeats the drive is, from 0.
        The route is None if the plan could not be read.
        """
        repeats = 1 if self.settings is None else self.settings.repeats
        number, repeat = divmod(index, repeats)
        return (self.plan[number] if number < len(self.plan) else None), repeat


def read_found_drive(path: Path) -> FoundDrive:
    """Read as much as possible of an evaluation's folder, and compare its files. Nothing is raised
    for what is damaged.
    """
    drive = FoundDrive(path)
    drive.settings = tried(lambda: read_settings(path), drive.broken)
    drive.driver = tried(lambda: read_driver(path), drive.broken)
    if drive.settings is not None:
        drive.plan = tried(lambda: read_plan(path), drive.broken) or ()
    for folder in route_folders(path):
        _read_one(drive, folder)
    drive.doubts += [
        f"routes/{entry.name}: a route that was not finished; --resume removes it"
        for entry in entries(path / "routes")
        if is_partial(entry)
    ]
    _judge_results(drive)
    return drive


def read_sound_drive(path: Path) -> tuple[FoundDrive, EvaluationSettings, DriverIdentity]:
    """Read an evaluation in which nothing is damaged and a route was driven, with its settings and
    driver.

    Raises:
        DataError: it is damaged, or nothing was driven.
    """
    drive = read_found_drive(path)
    if drive.broken:
        raise DataError(f"{path} is damaged, `auxdrive inspect` tells all of it: {drive.broken[0]}")
    if not drive.done or drive.settings is None or drive.driver is None:
        raise DataError(f"{path} has driven no route yet; `auxdrive drive --resume` goes on")
    return drive, drive.settings, drive.driver


def tried(read: Callable[[], Read], broken: list[str]) -> Read | None:
    """The result of `read`; None if it raised an `AuxdriveError`.

    Args:
        read: reads something that may be damaged.
        broken: the error's message is appended to it.
    """
    try:
        return read()
    except AuxdriveError as error:
        broken.append(str(error))
        return None


def _read_one(drive: FoundDrive, folder: Path) -> None:
    """Read and check one route of the folder."""
    index = int(folder.name) if folder.name.isdecimal() else -1
    if index < 0 or (drive.settings is not None and index >= drive.total):
        drive.doubts.append(
            f"routes/{folder.name}: is none of the {drive.total} drives; it is not counted"
        )
        return
    try:
        route = read_route(folder)
    except DataError as error:
        drive.damaged[index] = str(error)
        drive.broken.append(str(error))
        return
    drive.done[index] = route
    planned, _ = drive.planned(index)
    drive.broken += [
        f"routes/{folder.name}: {mistake}"
        for mistake in mistakes_of_route(route, index, planned, drive.settings)
    ]


def mistakes_of_route(
    route: StoredRoute, index: int, planned: Route | None, settings: EvaluationSettings | None
) -> Iterator[str]:
    """What does not fit together in a finished drive that could be read.

    Args:
        route: the drive.
        index: its number, by the name of its folder.
        planned: the route that the plan has for this number; None if it is not known.
        settings: of the evaluation; None if they are not known, and then its rule set's penalty
            is not compared.

    Yields:
        A clause for each mistake, such as "its score is not completion times penalty".
    """
    record, scores = route.record, route.record.scores
    if record.index != index:
        yield f"its record says that it is the route {record.index}"
    rules = rules_of(settings)
    form = LEADERBOARD_1_ROUTES if rules is None else rules.results.routes
    repeat = 0 if settings is None else index % settings.repeats
    if planned is not None and record.route_id != form.route_id(planned.route_id, repeat):
        yield f"its record is of {record.route_id}, and {PLAN_NAME} says {planned.route_id}"
    if record.infractions != infractions_of(route.events, form.kinds):
        yield "its record lists other infractions than its events"
    expected = max(scores.score_route * scores.score_penalty, 0.0)
    if abs(scores.score_composed - expected) > 100 * form.rounding + _EQUAL:
        yield "its score is not completion times penalty"
    if settings is not None and rules is not None:
        penalty = rules.penalty(route.events)
        if abs(penalty - scores.score_penalty) > form.rounding + _EQUAL:
            yield (
                f"its penalty is {scores.score_penalty:g}, and the rule set {settings.rules} makes "
                f"{penalty:g} of its events"
            )
    if _is_no_drive(route.trace):
        yield "the times and places of its path are no drive"


def rules_of(settings: EvaluationSettings | None) -> RuleSet | None:
    """The rule set of an evaluation; None if it is not known here.

    Args:
        settings: of the evaluation; None if they could not be read.
    """
    if settings is None or settings.rules not in RULE_SETS:
        return None
    return RULE_SETS[settings.rules]


def _is_no_drive(trace: AnyArray) -> bool:
    numbers = np.stack([np.asarray(trace[name], np.float64) for name in trace.dtype.names or ()])
    return not np.isfinite(numbers).all() or bool((np.diff(trace["time_s"]) <= 0).any())


def _judge_results(drive: FoundDrive) -> None:
    """Compare the leaderboard's document with the routes. It is written after each route, so in a
    drive that was killed there may be one route more than it says.
    """
    path = drive.path / RESULTS_NAME
    if not exists(path):
        if drive.done:
            drive.doubts.append(f"there is no {RESULTS_NAME}; --resume writes it")
        return
    document = tried(
        lambda: parse_object(read_bytes(path, MAX_JSON_BYTES), str(path)), drive.broken
    )
    if document is None:
        return
    checkpoint = document.get("_checkpoint")
    listed = checkpoint.get("records") if isinstance(checkpoint, dict) else None
    if not isinstance(listed, list):
        drive.broken.append(f"{path}: has no _checkpoint.records; --resume writes it anew")
        return
    rules = rules_of(drive.settings)
    form = LEADERBOARD_1_ROUTES if rules is None else rules.results.routes
    stored = {index: form.dump(route.record) for index, route in drive.done.items()}
    of_routes = list(stored.values())
    others = [each for each in listed if each not in of_routes and not _is_damaged(each, drive)]
    if others:
        drive.broken.append(
            f"{path}: {len(others)} of its {len(listed)} records are not those of the routes; "
            "--resume writes it anew"
        )
    elif len(listed) < len(of_routes):
        drive.doubts.append(
            f"{RESULTS_NAME} holds {len(listed)} of the {len(of_routes)} routes that were driven; "
            "--resume writes it anew"
        )


def _is_damaged(record: object, drive: FoundDrive) -> bool:
    """Whether the record belongs to a route that can no longer be read."""
    return isinstance(record, dict) and record.get("index") in drive.damaged
