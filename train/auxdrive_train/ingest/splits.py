"""`--split NAME=START:STOP` and similar: which records of which source are in which split."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from auxdrive.data.dataset import SPLIT_NAME, TRAIN_SPLIT
from auxdrive.errors import UsageError, unknown_name

_FORM = re.compile(rf"({SPLIT_NAME})=(.+)", re.DOTALL)
_RANGE = re.compile(r"(?:(.+):)?(\d*):(\d*)", re.DOTALL)
_HELP = (
    "write NAME=START:STOP with whole numbers, as in train=:9800 or test=10000:12000, NAME=SOURCE "
    "or NAME=SOURCE:START:STOP"
)


@dataclass(frozen=True, slots=True)
class SplitRange:
    """A range of records that are in a split: start <= index < stop.

    Attributes:
        name: the split.
        start: first index.
        stop: index after the last; None for the end.
        source: the source's name; empty if there is only one.
    """

    name: str
    start: int
    stop: int | None
    source: str = ""

    def holds(self, index: int, source: str = "") -> bool:
        """Whether the record with that number, of that source, is in the range.

        Args:
            index: the record's number in its source.
            source: the source's name; empty if it has none of its own.
        """
        return (
            self.source in ("", source)
            and self.start <= index
            and (self.stop is None or index < self.stop)
        )

    def __str__(self) -> str:
        numbers = f"{self.start}:{'' if self.stop is None else self.stop}"
        if not self.source:
            return f"{self.name}={numbers}"
        return (
            f"{self.name}={self.source}"
            if numbers == "0:"
            else f"{self.name}={self.source}:{numbers}"
        )


def parse_splits(texts: Iterable[str]) -> tuple[SplitRange, ...]:
    """The ranges that the texts describe, sorted by source and start. A split may have several.

    Raises:
        UsageError: a text has another form, a range is empty, or two ranges share records, so that
            the same images would be in two splits.
    """
    ranges = sorted((_parsed(text) for text in texts), key=lambda each: (each.source, each.start))
    for one, other in itertools.combinations(ranges, 2):
        if (
            one.source in ("", other.source)
            and (one.stop is None or one.stop > other.start)
            and (other.stop is None or other.stop > one.start)
        ):
            raise UsageError(f"--split {one} and {other} share records")
    return tuple(ranges)


def _parsed(text: str) -> SplitRange:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--split {text!r}: {_HELP}")
    name, rest = match[1], match[2].strip()
    numbers = _RANGE.fullmatch(rest)
    if numbers is None:
        if ":" in rest or rest.isdigit():  # a malformed range, hardly the name of a folder
            raise UsageError(f"--split {text!r}: {_HELP}")
        return SplitRange(name, 0, None, rest)
    start, stop = int(numbers[2] or 0), int(numbers[3]) if numbers[3] else None
    if stop is not None and stop <= start:
        raise UsageError(f"--split {text!r}: the range is empty")
    return SplitRange(name, start, stop, numbers[1] or "")


def check_sources(ranges: tuple[SplitRange, ...], sources: Iterable[str]) -> None:
    """Check that ranges name existing sources, and that they name one at all if there are several.

    Args:
        ranges: from `parse_splits`.
        sources: the name of the source of each record.

    Raises:
        UsageError: a range does not.
    """
    names = tuple(dict.fromkeys(sources))
    for each in ranges:
        if each.source and each.source not in names:
            raise UsageError(f"--split {each}: {unknown_name('source', each.source, names)}")
        if not each.source and len(names) > 1:
            raise UsageError(
                f"--split {each}: there are several sources; say of which, as in "
                f"{each.name}={names[0]}:{str(each).partition('=')[2]}"
            )


def split_of(index: int, ranges: tuple[SplitRange, ...], source: str = "") -> str | None:
    """The split of a record; None if it is in none. Without ranges, every record is in `train`.

    Args:
        index: the record's number in its source.
        ranges: from `parse_splits`; they share no records.
        source: the source's name.
    """
    if not ranges:
        return TRAIN_SPLIT
    return next((each.name for each in ranges if each.holds(index, source)), None)
