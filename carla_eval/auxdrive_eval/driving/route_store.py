"""Finished routes on disk. Each has a folder of its own, which appears by a rename when it is
complete. Resuming, reports and merging read them.

routes/<index>/result.json    record, events, error, times of the film's images, use of the
                              predictions
routes/<index>/trace.npy      the driven path (`TRACE_DTYPE`)
routes/<index>/film_<n>.jpg   what the camera saw
routes/<index>/agent.txt      the end of what the agent printed, if it printed anything
"""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from auxdrive.errors import DataError
from auxdrive.inspection.painting import jpeg
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
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auxdrive_eval.criteria import Event, EventKind, Moment
from auxdrive_eval.driving.drivers import Tally
from auxdrive_eval.driving.runner import TRACE_DTYPE, RouteResult
from auxdrive_eval.scoring.records import RouteRecord

_RESULT, _TRACE, _OUTPUT = "result.json", "trace.npy", "agent.txt"
_JPEG_QUALITY, _FILM_LONGEST = 85, 640
_LARGEST_FILE = 256 << 20


class _StoredEvent(Strict):
    kind: EventKind
    message: str
    frame: int
    time_s: float
    location: tuple[float, float]
    percentage: float | None = None
    began: Moment | None = None
    hit: tuple[float, float] | None = None


class StoredTally(Strict):
    """`auxdrive_eval.driving.drivers.Tally` in its stored form."""

    predictions: int = Field(ge=0)
    braked: int = Field(ge=0)
    flagged: int = Field(ge=0)
    flags: dict[str, int]
    envelope: dict[str, int] = Field(default={})


def tally_of(routes: Iterable[StoredRoute]) -> StoredTally:
    """The sums over all routes."""
    tallies = [route.tally for route in routes]
    flags: Counter[str] = Counter()
    envelope: Counter[str] = Counter()
    for tally in tallies:
        flags.update(tally.flags)
        envelope.update(tally.envelope)
    return StoredTally(
        predictions=sum(tally.predictions for tally in tallies),
        braked=sum(tally.braked for tally in tallies),
        flagged=sum(tally.flagged for tally in tallies),
        flags=dict(sorted(flags.items())),
        envelope=dict(sorted(envelope.items())),
    )


def what_became(tally: StoredTally) -> str:
    """How the predictions that were not simply used were handled, in words; empty if there are
    none.
    """
    parts = []
    if tally.braked:
        parts.append(
            f"{tally.braked} of {tally.predictions} predictions could not be driven by, and the "
            "car was braked instead."
        )
    if tally.flagged:
        parts.append(
            f"{tally.flagged} of {tally.predictions} predictions came with a flag and were driven "
            "by all the same."
        )
    if tally.flags:
        parts.append(
            f"Flags: {', '.join(f'{name} {count}' for name, count in tally.flags.items())}."
        )
    if ticks := tally.envelope.get("ticks", 0):
        found = ", ".join(
            f"{name} {count}" for name, count in tally.envelope.items() if name != "ticks"
        )
        parts.append(f"Safety envelope, of {ticks} ticks: {found or 'nothing'}.")
    return " ".join(parts)


class _StoredResult(Strict):
    record: RouteRecord
    events: tuple[_StoredEvent, ...]
    film_times_s: tuple[float, ...]
    error: str
    tally: StoredTally


class StoredRoute(BaseModel):
    """A finished route, read from disk.

    Attributes:
        film: (time in seconds, JPEG bytes) of each image.
        trace: `TRACE_DTYPE` (N,).
        error: see `auxdrive_eval.driving.runner.RouteResult`; its first line says why the agent
            failed.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)
    record: RouteRecord
    events: tuple[Event, ...]
    trace: AnyArray
    film: tuple[tuple[float, bytes], ...]
    error: str
    tally: StoredTally
    output: str = ""

    @property
    def reason(self) -> str:
        """Why the agent failed, in one line; empty if it did not."""
        return self.error.partition("\n")[0]

    def at(self, index: int) -> StoredRoute:
        """The same at another position among all routes."""
        return self.model_copy(update={"record": self.record.model_copy(update={"index": index})})


def stored_route(result: RouteResult) -> StoredRoute:
    """A result in its stored form."""
    return StoredRoute(
        record=result.record,
        events=result.events,
        trace=result.trace,
        film=tuple(
            (time_s, jpeg(image, _JPEG_QUALITY, _FILM_LONGEST)) for time_s, image in result.film
        ),
        error=result.error,
        tally=_tally(result.tally),
        output=result.output,
    )


def _tally(tally: Tally) -> StoredTally:
    return StoredTally(
        predictions=tally.predictions,
        braked=tally.braked,
        flagged=tally.flagged,
        flags=dict(sorted(tally.flags.items())),
        envelope=dict(sorted(tally.envelope.items())),
    )


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
        events=tuple(
            _StoredEvent(**{name: getattr(event, name) for name in _StoredEvent.model_fields})
            for event in route.events
        ),
        film_times_s=tuple(time_s for time_s, _ in route.film),
        error=route.error,
        tally=route.tally,
    )
    trace = io.BytesIO()
    np.save(trace, route.trace, allow_pickle=False)
    files = {_RESULT: stored.model_dump_json(indent=2).encode(), _TRACE: trace.getvalue()}
    files |= {f"film_{number}.jpg": jpeg for number, (_, jpeg) in enumerate(route.film)}
    return files | ({_OUTPUT: route.output.encode()} if route.output else {})


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
        shots = [
            (time_s, folder / f"film_{number}.jpg")
            for number, time_s in enumerate(stored.film_times_s)
        ]
        film = tuple((time_s, read_bytes(path, _LARGEST_FILE)) for time_s, path in shots)
        said = folder / _OUTPUT
        output = (
            read_bytes(said, _LARGEST_FILE).decode("utf-8", "backslashreplace")
            if exists(said)
            else ""
        )
    except (OSError, ValueError, ValidationError, DataError) as error:
        raise DataError(
            f"{folder}: this route's result is damaged ({error}); remove the folder to drive the "
            "route again"
        ) from error
    if trace.dtype != TRACE_DTYPE:
        raise DataError(
            f"{folder}: {_TRACE} is no driven path; remove the folder to drive the route again"
        )
    events = tuple(
        Event(**{name: getattr(event, name) for name in _StoredEvent.model_fields})
        for event in stored.events
    )
    return StoredRoute(
        record=stored.record,
        events=events,
        trace=trace,
        film=film,
        error=stored.error,
        tally=stored.tally,
        output=output,
    )
