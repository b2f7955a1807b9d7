"""Finished runs, as results files tell them: events parsed back from the leaderboards' messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from auxdrive.errors import DataError
from auxdrive.mistakes import mistakes_of
from auxdrive.storage.reading import read_bytes, shown
from auxdrive.strict import MAX_JSON_BYTES, parse_object
from pydantic import ValidationError

from auxdrive_eval.criteria.base import Event, EventKind
from auxdrive_eval.scoring.finished_run import FinishedRoute, FinishedRun
from auxdrive_eval.scoring.infractions import LEADERBOARD_1_KINDS
from auxdrive_eval.scoring.records import COMPLETED, FAILED, SUCCEEDED, RouteRecord
from auxdrive_eval.scoring.rule_sets import in_a_simulator
from auxdrive_eval.scoring.summary_2 import LEADERBOARD_2_KINDS, metres_outside

_BESIDE = ("scenario_name", "weather_id", "save_name", "town_name")
"""What Bench2Drive adds to a record."""
_FAILED_WITH = f"{FAILED} - "
_NUMBER = r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_PERCENTAGE = {
    EventKind.OUTSIDE_ROUTE_LANES: re.compile(rf"\({_NUMBER}% of the completed route\)"),
    EventKind.MIN_SPEED: re.compile(rf"^Average speed is {_NUMBER}% of the surrounding traffic"),
}
_WORDS = {
    EventKind.OUTSIDE_ROUTE_LANES: (
        "Agent went outside its route lanes for about X meters (P% of the completed route)"
    ),
    EventKind.MIN_SPEED: "Average speed is P% of the surrounding traffic's one",
}
_LARGEST = 1 << 31


def read_results(path: Path) -> FinishedRun:
    """Read a results file: of `auxdrive drive`, of the leaderboards 1.0, 2.0 and 2.1, of
    Bench2Drive, or Bench2Drive's merged one.

    Args:
        path: of the file.

    Raises:
        DataError: it cannot be read, is no such file, or a record of it is not as the leaderboards
            write it.
    """
    where = str(path)
    document = parse_object(read_bytes(path, MAX_JSON_BYTES), where)
    checkpoint = document.get("_checkpoint")
    listed = checkpoint.get("records") if isinstance(checkpoint, dict) else None
    if not isinstance(checkpoint, dict) or not isinstance(listed, list):
        raise DataError(
            f"{where}: is no results file of a leaderboard: it has no _checkpoint.records"
        )
    if not listed:
        raise DataError(f"{where}: holds no finished route")
    version_2 = _is_version_2(listed[0])
    kinds = LEADERBOARD_2_KINDS if version_2 else LEADERBOARD_1_KINDS
    notes: list[str] = []
    routes = [
        _read_route(f"{where}: record {number}", raw, number, kinds, notes)
        for number, raw in enumerate(listed)
    ]
    routes.sort(key=lambda route: route.record.index)
    total = _total(where, checkpoint.get("progress"), routes, notes)
    _refuse_odd_indices(where, routes, total)
    sensors = document.get("sensors", [])
    if not isinstance(sensors, list) or not all(isinstance(each, str) for each in sensors):
        raise DataError(f"{where}: sensors must be a list of names")
    return FinishedRun(
        where,
        _may_be(document, routes, version_2),
        tuple(routes),
        total,
        tuple(sensors),
        (*_said(document), *dict.fromkeys(notes)),
        whole if isinstance(whole := checkpoint.get("global_record"), dict) else {},
    )


def _is_version_2(raw: object) -> bool:
    """Whether a record is one of leaderboard 2.x: it has a place for min speed."""
    infractions = raw.get("infractions") if isinstance(raw, dict) else None
    return isinstance(infractions, dict) and EventKind.MIN_SPEED.value in infractions


def _may_be(
    document: dict[str, Any], routes: Sequence[FinishedRoute], version_2: bool
) -> tuple[str, ...]:
    ours = document.get("auxdrive")
    settings = ours.get("settings") if isinstance(ours, dict) else None
    named = settings.get("rules") if isinstance(settings, dict) else None
    if isinstance(named, str):
        return (named,)
    if not version_2:
        return ("1.0",)
    merged = "driving score" in document or any(route.beside for route in routes)
    return ("bench2drive",) if merged else ("2.0", "2.1")


def _said(document: dict[str, Any]) -> Iterator[str]:
    """What we said of the run when we wrote the file: `note` and `unwatched` of a drive, `notes` of
    a score.
    """
    ours = document.get("auxdrive")
    if not isinstance(ours, dict):
        return
    notes, unwatched = ours.get("notes"), ours.get("unwatched")
    if isinstance(unwatched, str):
        unwatched = in_a_simulator(", ".join(_may_be(document, (), version_2=True)), unwatched)
    for note in (ours.get("note"), unwatched, *(notes if isinstance(notes, list) else ())):
        if isinstance(note, str):
            yield note


def _total(where: str, progress: object, routes: Sequence[FinishedRoute], notes: list[str]) -> int:
    """The number of all drives, by the document's `progress`."""
    if progress is None or progress == []:
        notes.append("the file does not say how many routes there were: all of them are taken")
        return len(routes)
    numbers = progress if isinstance(progress, list) else []
    if len(numbers) != 2 or not all(type(each) is int and 0 <= each < _LARGEST for each in numbers):
        raise DataError(f"{where}: _checkpoint.progress must be [done, all], got {shown(progress)}")
    total = int(numbers[1])
    if total < len(routes):
        raise DataError(f"{where}: holds {len(routes)} records of {total} routes")
    if total > len(routes):
        notes.append(
            f"{total - len(routes)} of {total} routes are not in the file; they count as 0"
        )
    return total


def _refuse_odd_indices(where: str, routes: Sequence[FinishedRoute], total: int) -> None:
    indices = [route.record.index for route in routes]
    for one, other in pairwise(indices):
        if one == other:
            raise DataError(f"{where}: two records have the index {one}")
    if indices[-1] >= total:
        raise DataError(f"{where}: a record has the index {indices[-1]}, of {total} routes from 0")


def _read_route(
    where: str, raw: object, number: int, kinds: Sequence[EventKind], notes: list[str]
) -> FinishedRoute:
    if not isinstance(raw, dict):
        raise DataError(f"{where}: must be an object, not {shown(raw)}")
    infractions = _infractions(where, raw.get("infractions"), kinds, notes)
    known = {name: raw[name] for name in RouteRecord.model_fields if name in raw}
    # Bench2Drive's merged file has no indices
    known = {"index": number, **known, "infractions": infractions}
    try:
        record = RouteRecord.model_validate(known)
    except ValidationError as error:
        raise DataError(f"{where}: {mistakes_of(error, RouteRecord)[0]}") from None
    for name, value in record.meta.model_dump().items():
        if value > _LARGEST:
            raise DataError(f"{where}: meta.{name} is {value:g}: no route is so long")
    status = record.status
    if status not in SUCCEEDED and not status.startswith(FAILED):
        raise DataError(f"{where}: is no finished route: its status is {shown(status)}")
    return FinishedRoute(
        record,
        tuple(_events(where, record)),
        status.removeprefix(_FAILED_WITH) if status.startswith(_FAILED_WITH) else "",
        beside={name: raw[name] for name in _BESIDE if raw.get(name) is not None},
    )


def _infractions(
    where: str, raw: object, kinds: Sequence[EventKind], notes: list[str]
) -> dict[str, list[str]]:
    if not isinstance(raw, dict):
        raise DataError(f"{where}: infractions must be an object, not {shown(raw)}")
    found = {}
    for kind in kinds:
        messages = raw.get(kind.value)
        if not isinstance(messages, list) or not all(isinstance(each, str) for each in messages):
            raise DataError(
                f"{where}: infractions.{kind.value} must be a list of messages, got "
                f"{'nothing' if messages is None else shown(messages)}"
            )
        found[kind.value] = messages
    foreign = [name for name in raw if name not in found and raw[name]]
    if foreign:
        names = ", ".join(shown(name) for name in foreign[:5])
        notes.append(f"infractions that no rule set knows are left out: {names}")
    return found


def _events(where: str, record: RouteRecord) -> Iterator[Event]:
    for key, messages in record.infractions.items():
        kind = EventKind(key)
        for message in messages:
            yield Event(kind, message, 0, 0.0, (0.0, 0.0), _percentage(where, kind, message))
    if record.status in SUCCEEDED:
        yield Event(EventKind.ROUTE_COMPLETED, COMPLETED, 0, 0.0, (0.0, 0.0))


def _percentage(where: str, kind: EventKind, message: str) -> float | None:
    if kind not in _PERCENTAGE:
        return None
    found = _PERCENTAGE[kind].search(message)
    try:
        value = float(found.group(1)) if found else -1.0
        if kind is EventKind.OUTSIDE_ROUTE_LANES and not 0 <= metres_outside(message) < _LARGEST:
            value = -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value < _LARGEST or (kind is EventKind.OUTSIDE_ROUTE_LANES and value > 100):
        raise DataError(
            f"{where}: infractions.{kind.value}: {shown(message)} is not what the leaderboards "
            f"write: {_WORDS[kind]}"
        )
    return value
