"""`--split NAME=START:STOP`: which records of a source belong to which split."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from auxdrive.dataset import TRAIN_SPLIT
from auxdrive.errors import UsageError

_FORM = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,30})=(\d*):(\d*)")


@dataclass(frozen=True, slots=True)
class SplitRange:
    """Records with start <= index < stop; stop None: to the end."""

    name: str
    start: int
    stop: int | None

    def __contains__(self, index: int) -> bool:
        return self.start <= index and (self.stop is None or index < self.stop)

    def __str__(self) -> str:
        return f"{self.name}={self.start}:{'' if self.stop is None else self.stop}"


def parse_splits(texts: Iterable[str]) -> tuple[SplitRange, ...]:
    """The ranges, sorted by start; a name may have several.

    Raises:
        UsageError: another form, an empty range, or two ranges that share records: the same pictures in two splits.
    """
    ranges = []
    for text in texts:
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise UsageError(f"--split {text!r}: write NAME=START:STOP with whole numbers, as in train=:9800 or test=10000:12000")
        start, stop = int(match[2] or 0), int(match[3]) if match[3] else None
        if stop is not None and stop <= start:
            raise UsageError(f"--split {text!r}: the range is empty")
        ranges.append(SplitRange(match[1], start, stop))
    ranges.sort(key=lambda each: each.start)
    for earlier, later in itertools.pairwise(ranges):
        if earlier.stop is None or earlier.stop > later.start:
            raise UsageError(f"--split {earlier} and {later} share records")
    return tuple(ranges)


def split_of(index: int, ranges: tuple[SplitRange, ...]) -> str | None:
    """The split of that record; None when it is in none. Without ranges everything is `train`."""
    if not ranges:
        return TRAIN_SPLIT
    return next((each.name for each in ranges if index in each), None)
