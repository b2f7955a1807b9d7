"""What a kind of results is to `auxdrive compare`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Part(NamedTuple):
    """Which of a result's metrics are meant: of a run those of one role on one split, of a drive
    all that it has, and both are empty.
    """

    split: str = ""
    role: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, self))


@dataclass(frozen=True)
class Measured:
    """A metric of one result.

    Attributes:
        value: None where it is no number.
        unit: of the value.
        higher_is_better: whether more of it is better.
        parts: the values of which it is the mean, in an order that all results share, such as one
            per route; none where there are no such parts.
    """

    value: float | None
    unit: str = ""
    higher_is_better: bool = False
    parts: tuple[float, ...] = ()


Measurements = Mapping[str, Measured]


@dataclass(frozen=True)
class Result:
    """One training, or one benchmark that was driven.

    Attributes:
        path: its folder.
        seed: of its training; of a drive, of the traffic.
        name: what it is called by, such as its method.
        settings: every other setting that decides it, under `path.to.key`.
        rules: what must be equal, or numbers mean different things: the task, the rule set.
        measured_on: what it was measured on: fingerprints of data and routes.
        made_by: versions of what made it; they should be equal, and are told where they are not.
        identity: what else tells two results of one seed apart, such as the driver's SHA-256.
        metrics: by part and by name.
        main_metrics: the names of those that it is judged by.
        floor: by split and kind the metrics of what needs no network.
        notes: what a reader must know of it.
    """

    path: Path
    seed: int
    name: str
    settings: Mapping[str, Any]
    rules: Mapping[str, str]
    measured_on: Mapping[str, Any]
    made_by: Mapping[str, str]
    identity: str
    metrics: Mapping[Part, Measurements]
    main_metrics: tuple[str, ...]
    floor: Mapping[str, Mapping[str, Mapping[str, float | None]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        results: one, or those of a sweep.
        holes: by folder why a result that should stand there does not.
    """

    results: tuple[Result, ...]
    holes: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparable:
    """A kind of folder whose results can be compared.

    Attributes:
        what: it is, in a word, in the plural: "runs".
        results: what its results are, in the plural: those of sweeps are runs.
        known_by: the file by which it is known, for messages.
        holds: whether a folder is of this kind. It reads nothing but names.
        read: the folder's results.
    """

    what: str
    results: str
    known_by: str
    holds: Callable[[Path], bool]
    read: Callable[[Path], Found]
