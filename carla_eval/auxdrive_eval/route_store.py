"""Finished routes on disk: one folder each, which appears by a rename when it is whole. Resuming and reporting read them back.

routes/<index>/result.json    record, events, error, times of the film
routes/<index>/trace.npy      the driven path (`TRACE_DTYPE`)
routes/<index>/film_<n>.jpg   what the camera saw
"""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
from auxdrive.episodes import is_running
from auxdrive.errors import DataError
from auxdrive.types import AnyArray
from pydantic import BaseModel, ConfigDict, ValidationError

from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.runner import TRACE_DTYPE, RouteResult
from auxdrive_eval.scoring import RouteRecord

_RESULT, _TRACE = "result.json", "trace.npy"
_JPEG_QUALITY = 85


class _StoredEvent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    kind: EventKind
    message: str
    frame: int
    time_s: float
    location: tuple[float, float]
    percentage: float | None = None


class _StoredResult(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    record: RouteRecord
    events: tuple[_StoredEvent, ...]
    film_times_s: tuple[float, ...]
    error: str
    withheld: int = 0


class StoredRoute(BaseModel):
    """A finished route, read back. `film` holds (time in seconds, JPEG bytes), `trace` is `TRACE_DTYPE` (N,)."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)
    record: RouteRecord
    events: tuple[Event, ...]
    trace: AnyArray
    film: tuple[tuple[float, bytes], ...]
    error: str
    withheld: int


def route_folder(out: Path, index: int) -> Path:
    """Where the route of that index is stored."""
    return out / "routes" / f"{index:05d}"


def clean_partial_routes(out: Path) -> None:
    """Remove what killed processes left half written."""
    for partial in (out / "routes").glob(".partial-*"):
        pid = partial.name.rpartition("-")[2]
        if not (pid.isdecimal() and is_running(int(pid))):
            shutil.rmtree(partial, ignore_errors=True)


def any_route(out: Path) -> bool:
    """Whether the result of any route is stored there."""
    return any(folder.is_dir() for folder in (out / "routes").glob("[0-9]*"))


def save_route(out: Path, result: RouteResult) -> None:
    """Store a finished route.

    Raises:
        DataError: the disk refuses; nothing incomplete is left under the route's name.
    """
    folder = route_folder(out, result.record.index)
    partial = folder.with_name(f".partial-{folder.name}-{os.getpid()}")
    stored = _StoredResult(
        record=result.record,
        events=tuple(_StoredEvent(**{name: getattr(event, name) for name in _StoredEvent.model_fields}) for event in result.events),
        film_times_s=tuple(time_s for time_s, _ in result.film),
        error=result.error,
        withheld=result.withheld,
    )
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / _RESULT).write_text(stored.model_dump_json(indent=2))
        np.save(partial / _TRACE, result.trace, allow_pickle=False)
        for number, (_, picture) in enumerate(result.film):
            (partial / f"film_{number}.jpg").write_bytes(jpeg(picture))
        os.replace(partial, folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise DataError(f"{folder}: the result of a route cannot be written: {error.strerror or error}") from error


def load_route(out: Path, index: int) -> StoredRoute | None:
    """The stored route of that index; None when it has not been driven.

    Raises:
        DataError: it is damaged.
    """
    folder = route_folder(out, index)
    if not folder.is_dir():
        return None
    try:
        stored = _StoredResult.model_validate_json((folder / _RESULT).read_bytes())
        trace = np.load(folder / _TRACE, allow_pickle=False)
        film = tuple((time_s, (folder / f"film_{number}.jpg").read_bytes()) for number, time_s in enumerate(stored.film_times_s))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(f"{folder}: this route's result is damaged ({error}); remove the folder to drive the route again") from error
    if trace.dtype != TRACE_DTYPE or stored.record.index != index:
        raise DataError(f"{folder}: holds something else than the route {index}; remove the folder to drive the route again")
    events = tuple(Event(**event.model_dump()) for event in stored.events)
    return StoredRoute(record=stored.record, events=events, trace=trace, film=film, error=stored.error, withheld=stored.withheld)


def jpeg(picture: AnyArray) -> bytes:
    """RGB (H, W, 3) uint8 as a JPEG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
