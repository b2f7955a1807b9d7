"""Inspecting drives and their routes: who drove, where, under which rules, with which results; what
is damaged; and what `--resume` would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from auxdrive import __version__
from auxdrive.errors import AuxdriveError, DataError
from auxdrive.geometry import euclidean, polyline_length
from auxdrive.storage.claims import changed
from auxdrive.storage.publish import is_partial
from auxdrive.storage.reading import entries, exists, is_file, read_bytes
from auxdrive.strict import MAX_JSON_BYTES, parse_object
from auxdrive.types import AnyArray

from auxdrive_eval.driving.folder import (
    DRIVER_NAME,
    PLAN_NAME,
    RESULTS_NAME,
    DriverIdentity,
    read_driver,
    read_plan,
)
from auxdrive_eval.driving.route_store import (
    StoredRoute,
    any_route,
    read_route,
    route_folders,
    tally_of,
)
from auxdrive_eval.driving.settings import SETTINGS_NAME, EvaluationSettings, read_settings
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.infractions import infractions_of
from auxdrive_eval.scoring.records import AGENT_FAILURES, ROUTE_ID_PREFIX
from auxdrive_eval.scoring.summary import global_record, over_repeats
from auxdrive_eval.world import Route

_BESIDE = (SETTINGS_NAME, DRIVER_NAME, PLAN_NAME, RESULTS_NAME)
_EQUAL = 1e-9
_OUTPUT_LINES = 20
Read = TypeVar("Read")


def is_drive(path: Path) -> bool:
    """Whether this is the folder of an evaluation; it need not be complete."""
    return sum(is_file(path / name) for name in _BESIDE) >= 2


@dataclass
class _Drive:
    """What could be read of an evaluation, and what could not."""

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
        return [i for i in range(self.total) if i not in self.done and i not in self.damaged]

    @property
    def crashed(self) -> list[int]:
        return [i for i, each in sorted(self.done.items()) if each.record.status in AGENT_FAILURES]

    def planned(self, index: int) -> tuple[Route | None, int]:
        """The route with that index, and the number of its repeat."""
        repeats = 1 if self.settings is None else self.settings.repeats
        number, repeat = divmod(index, repeats)
        return (self.plan[number] if number < len(self.plan) else None), repeat


def summarise_drive(path: Path) -> dict[str, Any]:
    """Everything that `auxdrive inspect` shows of an evaluation. Damaged parts are listed under
    `broken` and do not stop it.
    """
    drive = _read_drive(path)
    settings, driver = drive.settings, drive.driver
    return {
        "kind": "drive",
        "path": str(path),
        "agent": None if settings is None else settings.driver,
        "role": None if settings is None else settings.role,
        "simulator": None if settings is None else str(settings.simulator),
        "caveat": None if settings is None else settings.simulator.spec.caveat,
        "sensors": [] if driver is None else list(driver.sensors),
        "settings": None if settings is None else settings.model_dump(mode="json"),
        "drives": drive.total,
        "driven": len(drive.done),
        "unfinished": drive.left,
        "crashed": drive.crashed,
        "scores": _scores(drive),
        "predictions": tally_of(drive.done.values()).model_dump(),
        "routes": [
            _line(drive, index) for index in sorted({*drive.done, *drive.damaged, *drive.left})
        ],
        "resume": _resume(drive),
        "report": exists(path / "report.html"),
        "broken": drive.broken,
        "doubts": drive.doubts,
    }


def _read_drive(path: Path) -> _Drive:
    drive = _Drive(path)
    drive.settings = _tried(lambda: read_settings(path), drive.broken)
    drive.driver = _tried(lambda: read_driver(path), drive.broken)
    if drive.settings is not None:
        drive.plan = _tried(lambda: read_plan(path), drive.broken) or ()
    for folder in route_folders(path):
        _read_one(drive, folder)
    drive.doubts += [
        f"routes/{entry.name}: a route that was not finished; --resume removes it"
        for entry in entries(path / "routes")
        if is_partial(entry)
    ]
    _judge_results(drive)
    return drive


def _tried(read: Callable[[], Read], broken: list[str]) -> Read | None:
    """The result of `read`; None if what it reads is damaged, which is then added to `broken`."""
    try:
        return read()
    except AuxdriveError as error:
        broken.append(str(error))
        return None


def _read_one(drive: _Drive, folder: Path) -> None:
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
        for mistake in _mistakes(route, index, planned, drive.settings)
    ]


def _mistakes(
    route: StoredRoute, index: int, planned: Route | None, settings: EvaluationSettings | None
) -> Iterator[str]:
    """What is wrong with a record that can be read."""
    record, scores = route.record, route.record.scores
    if record.index != index:
        yield f"its record says that it is the route {record.index}"
    if planned is not None and record.route_id != ROUTE_ID_PREFIX + planned.route_id:
        yield f"its record is of {record.route_id}, and {PLAN_NAME} says {planned.route_id}"
    if record.infractions != infractions_of(route.events):
        yield "its record lists other infractions than its events"
    if abs(scores.score_composed - max(scores.score_route * scores.score_penalty, 0.0)) > _EQUAL:
        yield "its score is not completion times penalty"
    if settings is not None and settings.rules in RULE_SETS:
        penalty = RULE_SETS[settings.rules].penalty(route.events)
        if abs(penalty - scores.score_penalty) > _EQUAL:
            yield (
                f"its penalty is {scores.score_penalty:g}, and the rule set {settings.rules} makes "
                f"{penalty:g} of its events"
            )
    if _is_no_drive(route.trace):
        yield "the times and places of its path are no drive"


def _is_no_drive(trace: AnyArray) -> bool:
    numbers = np.stack([np.asarray(trace[name], np.float64) for name in trace.dtype.names or ()])
    return not np.isfinite(numbers).all() or bool((np.diff(trace["time_s"]) <= 0).any())


def _judge_results(drive: _Drive) -> None:
    """Compare the leaderboard's document with the routes. It is written after each route, so in a
    drive that was killed there may be one route more than it says.
    """
    path = drive.path / RESULTS_NAME
    if not exists(path):
        if drive.done:
            drive.doubts.append(f"there is no {RESULTS_NAME}; --resume writes it")
        return
    document = _tried(
        lambda: parse_object(read_bytes(path, MAX_JSON_BYTES), str(path)), drive.broken
    )
    if document is None:
        return
    checkpoint = document.get("_checkpoint")
    listed = checkpoint.get("records") if isinstance(checkpoint, dict) else None
    if not isinstance(listed, list):
        drive.broken.append(f"{path}: has no _checkpoint.records; --resume writes it anew")
        return
    stored = {index: route.record.model_dump(mode="json") for index, route in drive.done.items()}
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


def _is_damaged(record: object, drive: _Drive) -> bool:
    """Whether the record belongs to a route that can no longer be read."""
    return isinstance(record, dict) and record.get("index") in drive.damaged


def _scores(drive: _Drive) -> dict[str, Any] | None:
    """The leaderboard's global record of the finished routes; None if there are none."""
    if not drive.done:
        return None
    records = [drive.done[index].record for index in sorted(drive.done)]
    found = global_record(records, len(records))
    scores = {name: found[name] for name in ("scores", "scores_std_dev", "infractions")}
    repeats = 1 if drive.settings is None else drive.settings.repeats
    if repeats > 1 and not drive.left and not drive.damaged:
        scores["over_repeats"] = over_repeats(records, repeats)
    return {"over": len(records), **scores}


def _line(drive: _Drive, index: int) -> dict[str, Any]:
    """One drive of one route."""
    planned, repeat = drive.planned(index)
    place = {
        "index": index,
        "route": None if planned is None else planned.route_id,
        "town": None if planned is None else planned.town,
        "repeat": repeat,
    }
    route = drive.done.get(index)
    if route is None:
        return {**place, "state": "damaged" if index in drive.damaged else "not driven"}
    driven = {"route": route.record.route_id.removeprefix(ROUTE_ID_PREFIX), "state": "driven"}
    return {**place, **driven, **_record(route)}


def _record(route: StoredRoute) -> dict[str, Any]:
    record = route.record
    return {
        "status": record.status,
        **record.scores.model_dump(),
        "infractions": {kind: len(each) for kind, each in record.infractions.items() if each},
        "length_m": record.meta.route_length,
        "game_time_s": record.meta.duration_game,
        "wall_time_s": record.meta.duration_system,
        "failure": route.reason,
    }


def _resume(drive: _Drive) -> dict[str, Any]:
    """What `auxdrive drive --resume` would do with this folder."""
    refused = _refusals(drive) if any_route(drive.path) else []
    if refused:
        does = f"--resume is refused: {'; '.join(refused)}"
    elif drive.left:
        shown = ", ".join(f"#{index}" for index in drive.left[:10])
        more = f" and {len(drive.left) - 10} more" if len(drive.left) > 10 else ""
        does = (
            f"--resume, with the command that began it, drives {len(drive.left)} of {drive.total}: "
            f"{shown}{more}"
        )
    else:
        does = f"nothing is left to drive; --resume writes {RESULTS_NAME} and report.html anew"
    if drive.crashed and not refused:
        does += (
            f". --resume --retry-crashed drives {len(drive.crashed)} again on which the agent "
            f"itself failed: {', '.join(f'#{index}' for index in drive.crashed[:10])}"
        )
    return {"possible": not refused, "does": does}


def _refusals(drive: _Drive) -> list[str]:
    found = []
    if drive.settings is None:
        found.append(f"{SETTINGS_NAME} is damaged, choose another --out")
    elif drive.settings.auxdrive != __version__:
        found.append(changed("auxdrive", drive.settings.auxdrive, __version__))
    if drive.driver is None:
        found.append(f"{DRIVER_NAME} is damaged, choose another --out")
    if drive.damaged:
        named = ", ".join(f"routes/{index:05d}" for index in sorted(drive.damaged))
        found.append(f"remove what is damaged first: {named}")
    return found


def summarise_route(path: Path) -> dict[str, Any]:
    """Everything that `auxdrive inspect` shows of one route of an evaluation."""
    broken: list[str] = []
    route = _tried(lambda: read_route(path), broken)
    above = path.resolve().parent.parent
    settings = _tried(lambda: read_settings(above), []) if is_drive(above) else None
    said: Mapping[str, Any] = {}
    if route is not None:
        name = path.resolve().name
        index = int(name) if name.isdecimal() else route.record.index
        broken += [f"{path}: {mistake}" for mistake in _mistakes(route, index, None, settings)]
        said = _whole_route(route)
    return {
        "kind": "route",
        "path": str(path),
        "agent": None if settings is None else settings.driver,
        "simulator": None if settings is None else str(settings.simulator),
        "rules": None if settings is None else settings.rules,
        **said,
        "broken": broken,
        "doubts": [],
    }


def _whole_route(route: StoredRoute) -> dict[str, Any]:
    trace = route.trace
    places = np.stack([trace["x_m"], trace["y_m"]], axis=1)
    return {
        "index": route.record.index,
        "route_id": route.record.route_id,
        **_record(route),
        "events": [
            {
                "kind": event.kind.value,
                "time_s": event.time_s,
                "location_m": list(event.location),
                "message": event.message,
            }
            for event in route.events
        ],
        "path_driven": {
            "ticks": len(trace),
            "driven_m": float(polyline_length(places, euclidean)) if len(trace) > 1 else 0.0,
            "mean_speed_mps": float(trace["speed_mps"].mean()) if len(trace) else None,
            "largest_speed_mps": float(trace["speed_mps"].max()) if len(trace) else None,
            "largest_steer_deg": (
                float(np.degrees(np.abs(trace["steer_rad"]).max())) if len(trace) else None
            ),
        },
        "film": len(route.film),
        "predictions": route.tally.model_dump(),
        "error": route.error,
        "output": route.output.splitlines()[-_OUTPUT_LINES:],
    }
