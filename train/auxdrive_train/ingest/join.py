"""Several recordings as one source. Each remains at least one session of its own."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from auxdrive.data.timing import RATE_TOLERANCE, same_rate
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.reading import is_file, read_bytes

from auxdrive_train.ingest.source import Source

_COMPARED = 10
"""How many images at the beginning of two sources with equal labels are compared to tell whether
one is a copy of the other.
"""
_LARGEST_IMAGE = 1 << 28


def unused(name: str, taken: Iterable[str]) -> str:
    """The name itself, or with a number after it, so that it differs from all names in `taken`.

    Args:
        name: the wanted name.
        taken: the names that others have.
    """
    names = set(taken)
    return next(
        each
        for each in itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        if each not in names
    )


def _renamed(source: Source, name: str) -> Source:
    if name == source.name:
        return source
    records = [
        replace(record, session=name + record.session.removeprefix(source.name))
        for record in source.records
    ]
    return replace(source, name=name, records=records)


def join_sources(sources: Sequence[Source]) -> Source:
    """One source of all sources; a single source is returned as it is. The rate is the median over
    all records.

    Raises:
        UsageError: a recording is given twice, or together with a copy of it.
        DataError: the rates differ by more than the tolerance of `auxdrive.data.timing`, or only
            some sources have depth.
    """
    if len(sources) == 1:
        return sources[0]
    named: list[Source] = []
    for source in sources:
        if source.identity in [other.identity for other in named]:
            raise UsageError(
                f"{source.identity} is named twice; its images would count twice, or stand in "
                "two splits"
            )
        twin = next(
            (
                other
                for other in named
                if other.labels == source.labels and _same_images(source, other)
            ),
            None,
        )
        if twin is not None:
            raise UsageError(
                f"{source.name} is a copy of {twin.name}; its images would count twice, or stand "
                "in two splits. Name one"
            )
        named.append(_renamed(source, unused(source.name, [other.name for other in named])))
    rate_hz = _rate_of_all(named)
    _refuse_depth_of_some(named)
    first = named[0]
    return Source(
        name=" + ".join(source.name for source in named)
        if len(named) <= 3
        else f"{first.name} and {len(named) - 1} more",
        identity=" + ".join(source.identity for source in named),
        index_field=" or ".join(dict.fromkeys(source.index_field for source in named)),
        rate_hz=rate_hz,
        steering=first.steering,
        vehicle=first.vehicle,
        records=[record for source in named for record in source.records],
        skipped=sum((source.skipped for source in named), Counter()),
        notes=_notes(named),
        fov_deg=first.fov_deg,
        identities=tuple(identity for source in named for identity in source.identities),
    )


def _same_images(one: Source, other: Source) -> bool:
    """Whether the first images of two sources with equal labels are the same."""
    pairs = list(zip(one.records, other.records, strict=False))[:_COMPARED]
    return all(
        is_file(a.image)
        and is_file(b.image)
        and read_bytes(a.image, _LARGEST_IMAGE) == read_bytes(b.image, _LARGEST_IMAGE)
        for a, b in pairs
    )


def _rate_of_all(sources: Sequence[Source]) -> float:
    rates = np.repeat(
        [source.rate_hz for source in sources], [len(source.records) for source in sources]
    )
    rate_hz = float(np.sort(rates)[len(rates) // 2])
    if not all(same_rate(source.rate_hz, rate_hz) for source in sources):
        told = ", ".join(f"{source.name} {source.rate_hz:g} Hz" for source in sources)
        raise DataError(
            f"the recordings were made at different rates ({told}; up to {RATE_TOLERANCE:.0%} may "
            "differ): make a data set of each. "
            "Where the timestamps are wrong, read each with its --rate-hz"
        )
    return rate_hz


def _refuse_depth_of_some(sources: Sequence[Source]) -> None:
    with_depth = [source.name for source in sources if source.records[0].depth is not None]
    if 0 < len(with_depth) < len(sources):
        raise DataError(
            f"depth is in {', '.join(with_depth)} alone: leave it out of all with --no-depth, or "
            "make a data set of each kind"
        )


def _notes(sources: Sequence[Source]) -> list[str]:
    """Notes that all sources have, once; notes of single sources, with their name; and which
    sources seem to be copies.
    """
    count = Counter(note for source in sources for note in dict.fromkeys(source.notes))
    common = [note for note in sources[0].notes if count[note] == len(sources)]
    notes = [
        f"{source.name}: {note}"
        for source in sources
        for note in source.notes
        if count[note] < len(sources)
    ]
    alike: dict[str, list[str]] = {}
    for source in sources:
        alike.setdefault(source.labels, []).append(source.name)
    copies = [
        f"{' and '.join(names)} have the same labels: are they copies of one recording?"
        for names in alike.values()
        if len(names) > 1
    ]
    return notes + common + copies
