"""What `auxdrive compare` must know of a kind of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from auxdrive.bootstrap import Ratio


class Part(NamedTuple):
    """Which metrics of a result are meant.

    Attributes:
        split: of a run; empty for a drive, of which all metrics are meant.
        role: of a run; empty for a drive.
    """

    split: str = ""
    role: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, self))


@dataclass(frozen=True)
class Measured:
    """A metric of one result.

    Attributes:
        value: the metric; None where it is no number.
        unit: of the value.
        higher_is_better: whether more of it is better.
        parts: the values whose mean it is, such as one per route, in an order that all results
            share; empty where there are none.
        over_drives: of a benchmark, what each drive adds to it, by route and repeat, in the order
            of `parts`; None where it is not made of drives.
    """

    value: float | None
    unit: str = ""
    higher_is_better: bool = False
    parts: tuple[float, ...] = ()
    over_drives: Ratio | None = None


Measurements = Mapping[str, Measured]


@dataclass(frozen=True)
class Result:
    """The result of one training, or of one benchmark that was driven.

    Attributes:
        path: its folder.
        seed: of the training; for a drive, of the traffic.
        name: by which people call it, such as its method.
        settings: all other settings that decide it, by their paths ("path.to.key").
        rules: what must be equal in results that are compared, because the numbers mean different
            things otherwise: the task, the rule set.
        measured_on: fingerprints of the data and routes that it was measured on.
        made_by: versions of what made it. They should be equal, and differences are reported.
        identity: what else distinguishes results of one seed, such as the driver's SHA-256.
        metrics: by part and by name.
        main_metrics: the names of the metrics by which it is judged.
        floor: the metrics of predictions that need no network, by split and kind.
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
    """The results in a folder.

    Attributes:
        results: one, or several of a sweep.
        holes: for each folder without the result that it should have, the reason.
    """

    results: tuple[Result, ...]
    holes: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparable:
    """A kind of folder whose results can be compared.

    Attributes:
        what: the kind's name in the plural: "runs".
        results: the name of its results in the plural: those of "sweeps" are "runs".
        known_by: the file by which it is recognised, for messages.
        holds: whether a folder is of this kind. It looks at names only.
        read: reads the folder's results.
    """

    what: str
    results: str
    known_by: str
    holds: Callable[[Path], bool]
    read: Callable[[Path], Found]
