"""A finished route as it is kept: in memory, and read from its files (`route_files`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from auxdrive.inspection.painting import jpeg
from auxdrive.storage.reading import read_bytes
from auxdrive.types import AnyArray
from pydantic import BaseModel, ConfigDict, Field

from auxdrive_eval.criteria import Event
from auxdrive_eval.driving.runner import RouteResult
from auxdrive_eval.driving.tally import (
    LATENCY_DTYPE,
    Intervention,
    StoredTally,
    stored_latency,
    stored_tally,
    summed,
)
from auxdrive_eval.scoring.records import RouteRecord
from auxdrive_eval.world import ScenarioState

_JPEG_QUALITY, _FILM_LONGEST = 85, 640
LARGEST_FILE = 256 << 20
"""Bytes of a file beside a result, at most."""


class StoredRoute(BaseModel):
    """A finished route, read from disk.

    Attributes:
        film: (time in seconds, JPEG bytes) of each image.
        trace: `TRACE_DTYPE` (N,).
        error: see `auxdrive_eval.driving.runner.RouteResult`; its first line says why the agent
            failed.
        interventions: of the safety envelope, in the order in which they began.
        latency: `LATENCY_DTYPE` (N,), a record for each prediction.
        scenarios: see `auxdrive_eval.driving.runner.RouteResult`.
        beside: what onlookers have kept: by its name, a file's content before it is stored, and
            its path afterwards.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)
    record: RouteRecord
    events: tuple[Event, ...]
    trace: AnyArray
    film: tuple[tuple[float, bytes], ...]
    error: str
    tally: StoredTally
    interventions: tuple[Intervention, ...] = ()
    latency: AnyArray = Field(default_factory=lambda: np.empty(0, LATENCY_DTYPE))
    output: str = ""
    scenarios: tuple[ScenarioState, ...] = ()
    beside: Mapping[str, bytes | Path] = Field(default_factory=dict)

    def file(self, name: str) -> bytes | None:
        """The content of a file that an onlooker has kept; None if there is none.

        Raises:
            DataError: it cannot be read.
        """
        kept = self.beside.get(name)
        return read_bytes(kept, LARGEST_FILE) if isinstance(kept, Path) else kept

    @property
    def reason(self) -> str:
        """Why the agent failed, in one line; empty if it did not."""
        return self.error.partition("\n")[0]

    def at(self, index: int) -> StoredRoute:
        """The same at another position among all routes."""
        return self.model_copy(update={"record": self.record.model_copy(update={"index": index})})


def tally_of(routes: Iterable[StoredRoute]) -> StoredTally:
    """The counts of all routes together."""
    return summed(route.tally for route in routes)


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
        tally=stored_tally(result.tally),
        interventions=result.tally.interventions.found,
        latency=stored_latency(result.tally),
        output=result.output,
        scenarios=result.scenarios,
        beside=result.beside,
    )
