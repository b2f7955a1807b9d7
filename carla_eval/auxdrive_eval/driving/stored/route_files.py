"""Finished routes on disk. Each has a folder of its own, which appears by a rename when it is
complete. Resuming, reports and merging read them.

routes/<index>/result.json    record, events, error, times of the film's images, use of the
                              predictions, interventions of the safety envelope
routes/<index>/trace.npy      the driven path (`TRACE_DTYPE`)
routes/<index>/latency.npy    how long each prediction took (`LATENCY_DTYPE`), if any was made
routes/<index>/film_<n>.jpg   what the camera saw
routes/<index>/video.mp4      the drive as a video, if one was asked for
routes/<index>/drive.rrd      the drive as a Rerun recording, likewise
routes/<index>/agent.txt      the end of what the agent printed, if it printed anything
routes/<index>/controls.npy   the control of each tick (`auxdrive_eval.driving.onlookers.decisions`)
routes/<index>/predictions.npy the predictions, if any was made (likewise)
routes/<index>/facts.json     what was around, where the simulator cannot repeat the drive
routes/<index>/scenarios.json the traffic situations and what came of them, if there were any
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from auxdrive.errors import DataError
from auxdrive.storage.arrays import load_npy
from auxdrive.storage.publish import clean_partials, partial_of, published_folder, write_new
from auxdrive.storage.reading import (
    entries,
    exists,
    is_file,
    is_folder,
    make_folder,
    read_bytes,
    reason,
)
from auxdrive.strict import MAX_JSON_BYTES, Strict
from auxdrive.types import AnyArray
from pydantic import TypeAdapter, ValidationError

from auxdrive_eval.criteria import Event, EventKind, Moment
from auxdrive_eval.driving.runner import TRACE_DTYPE
from auxdrive_eval.driving.stored.route import LARGEST_FILE, StoredRoute
from auxdrive_eval.driving.tally import LATENCY_DTYPE, Intervention, StoredTally
from auxdrive_eval.scoring.records import RouteRecord
from auxdrive_eval.world import ScenarioState

_RESULT, _TRACE, _LATENCY, _OUTPUT = "result.json", "trace.npy", "latency.npy", "agent.txt"
_SCENARIOS = "scenarios.json"
VIDEO, RERUN = "video.mp4", "drive.rrd"
CONTROLS, PREDICTIONS, FACTS = "controls.npy", "predictions.npy", "facts.json"
BESIDE = (VIDEO, RERUN, CONTROLS, PREDICTIONS, FACTS)
"""Names of files that onlookers keep with a route."""
_Scenarios = TypeAdapter(tuple[ScenarioState, ...])


class _StoredEvent(Strict):
    kind: EventKind
    message: str
    frame: int
    time_s: float
    location: tuple[float, float]
    percentage: float | None = None
    began: Moment | None = None
    hit: tuple[float, float] | None = None

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(**{name: getattr(event, name) for name in cls.model_fields})

    def event(self) -> Event:
        return Event(**{name: getattr(self, name) for name in type(self).model_fields})


class _StoredResult(Strict):
    record: RouteRecord
    events: tuple[_StoredEvent, ...]
    film_times_s: tuple[float, ...]
    error: str
    tally: StoredTally
    interventions: tuple[Intervention, ...] = ()


def route_folder(out: Path, index: int) -> Path:
    """The folder of a drive, whether or not it is there.

    Args:
        out: the evaluation's folder.
        index: number of the drive among all, from 0.
    """
    return out / "routes" / f"{index:05d}"


def clean_partial_routes(out: Path) -> None:
    """Remove incomplete routes of processes that were killed."""
    clean_partials(out / "routes")


def route_folders(out: Path) -> list[Path]:
    """The folders of the stored routes, damaged ones included."""
    found = entries(out / "routes")
    return [entry for entry in found if entry.name[:1].isdecimal() and is_folder(entry)]


def any_route(out: Path) -> bool:
    """Whether any route is stored there."""
    return bool(route_folders(out))


def is_route(folder: Path) -> bool:
    """Whether the folder is a route's."""
    return is_file(folder / _TRACE) or (
        is_file(folder / _RESULT) and folder.resolve().parent.name == "routes"
    )


def save_route(out: Path, route: StoredRoute) -> None:
    """Store a finished route, and replace an earlier result of it. When this returns, the route is
    on the disk, where it also survives a power cut.

    Args:
        out: the evaluation's folder.
        route: the drive; the index of its record names the folder.

    Raises:
        DataError: the disk cannot be written; no incomplete route is left under its name.
    """
    folder = route_folder(out, route.record.index)
    partial = partial_of(folder)
    try:
        make_folder(folder.parent)
        shutil.rmtree(partial, ignore_errors=True)  # left by a killed process with our process id
        with published_folder(folder, partial, replace=True):
            for name, data in _files(route).items():
                write_new(partial / name, data)
    except OSError as error:
        raise DataError(
            f"{folder}: the result of a route cannot be written: {reason(error)}"
        ) from error


def _files(route: StoredRoute) -> Mapping[str, bytes]:
    stored = _StoredResult(
        record=route.record,
        events=tuple(_StoredEvent.of(event) for event in route.events),
        film_times_s=tuple(time_s for time_s, _ in route.film),
        error=route.error,
        tally=route.tally,
        interventions=route.interventions,
    )
    files = {_RESULT: stored.model_dump_json(indent=2).encode(), _TRACE: npy_bytes(route.trace)}
    files |= {_LATENCY: npy_bytes(route.latency)} if len(route.latency) else {}
    files |= {_film_name(number): jpeg for number, (_, jpeg) in enumerate(route.film)}
    if route.scenarios:
        files[_SCENARIOS] = _Scenarios.dump_json(route.scenarios, indent=2)
    files |= {name: content for name in route.beside if (content := route.file(name)) is not None}
    return files | ({_OUTPUT: route.output.encode()} if route.output else {})


def _film_name(number: int) -> str:
    return f"film_{number}.jpg"


def npy_bytes(array: AnyArray) -> bytes:
    """The content of an npy file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def load_route(out: Path, index: int) -> StoredRoute | None:
    """Read the stored drive with that number; None if it has not been driven.

    Args:
        out: the evaluation's folder.
        index: number of the drive among all, from 0.

    Raises:
        DataError: the route is damaged.
    """
    folder = route_folder(out, index)
    if not is_folder(folder):
        return None
    route = read_route(folder)
    if route.record.index != index:
        raise DataError(
            f"{folder}: holds something else than the route {index}; remove the folder to drive "
            "the route again"
        )
    return route


def read_route(folder: Path) -> StoredRoute:
    """Read the finished route in a folder.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        stored = _StoredResult.model_validate_json(read_bytes(folder / _RESULT, MAX_JSON_BYTES))
        trace = load_npy(folder / _TRACE)
        timed, said, told = folder / _LATENCY, folder / _OUTPUT, folder / _SCENARIOS
        latency = load_npy(timed) if exists(timed) else np.empty(0, LATENCY_DTYPE)
        film = tuple(
            (time_s, read_bytes(folder / _film_name(number), LARGEST_FILE))
            for number, time_s in enumerate(stored.film_times_s)
        )
        output = read_bytes(said, LARGEST_FILE) if exists(said) else b""
        scenarios = (
            _Scenarios.validate_json(read_bytes(told, MAX_JSON_BYTES)) if exists(told) else ()
        )
    except (OSError, ValueError, ValidationError, DataError) as error:
        raise DataError(
            f"{folder}: this route's result is damaged ({error}); remove the folder to drive the "
            "route again"
        ) from error
    _require_records(folder, trace, TRACE_DTYPE, f"{_TRACE} is no driven path")
    _require_records(folder, latency, LATENCY_DTYPE, f"{_LATENCY} holds no times of predictions")
    return StoredRoute(
        record=stored.record,
        events=tuple(each.event() for each in stored.events),
        trace=trace,
        film=film,
        error=stored.error,
        tally=stored.tally,
        interventions=stored.interventions,
        latency=latency,
        output=output.decode("utf-8", "backslashreplace"),
        scenarios=scenarios,
        beside={name: folder / name for name in BESIDE if is_file(folder / name)},
    )


def _require_records(folder: Path, found: AnyArray, dtype: np.dtype[Any], lack: str) -> None:
    if found.dtype != dtype or found.ndim != 1:
        raise DataError(f"{folder}: {lack}; remove the folder to drive the route again")
