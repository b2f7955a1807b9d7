"""The rows of the Udacity simulator's `driving_log.csv`. If a header names the columns, they are
found by name, so that logs that were edited can be read.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auxdrive.errors import DataError

from auxdrive_train.ingest.lines import Damage, cut_off, read_lines

COLUMNS = ("center", "left", "right", "steering", "throttle", "brake", "speed")
"""What the simulator writes, in this order and without a header."""
SIDES = ("left", "right")
"""Columns that a header may lack if their images are not asked for."""
_OTHER_NAMES = {
    "reverse": "brake"
}  # another name of the simulator's sixth column, after the key that brakes
_DIGITS = re.compile(r"[-+]?\d+([eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_IMAGE, _PATH = re.compile(r"\.(jpe?g|png)$", re.IGNORECASE), re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of the log.

    Attributes:
        index: number of the row from 0; headers do not count.
        cells: by column.
        file: the log.
        line: its line there.
        part: number of the log, if several with a header each were joined.
    """

    index: int
    cells: dict[str, str]
    file: Path
    line: int
    part: int

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}"


def read_log(
    log: Path, cameras: tuple[str, ...], damage: Damage, skipped: Counter[str]
) -> tuple[list[LogRow], list[str]]:
    """The rows of a log, and notes on what was found. Damaged rows are left out, but counted in the
    rows' indexes.

    Args:
        log: the file.
        cameras: the cameras whose images are needed.
        damage: damaged lines are noted here.
        skipped: counts other rows that are left out, by reason.

    Raises:
        DataError: a header does not name the needed columns, numbers have decimal commas, or the
            log cannot be read.
    """
    rows: list[LogRow] = []
    notes: list[str] = []
    columns: tuple[str, ...] = COLUMNS
    index, part = 0, 0
    for line in read_lines(log):
        cells, wrong = _cells(line.text)
        if _is_header(cells, first=not index and columns is COLUMNS):
            part += bool(index)
            columns = _named(cells, cameras, f"{log}, line {line.number}")
            notes += _unread(columns, f"{log}, line {line.number}")
            continue
        damage.lines += 1
        index += 1
        # The simulator ends every line. One without an end was cut off, and its last number may
        # lack digits even if it looks complete.
        if cut_off(line, skipped):
            continue
        _refuse_decimal_commas(cells, columns, f"{log}, line {line.number}")
        wrong = wrong or _miscounted(cells, columns, line.text)
        if wrong:
            damage.add(log, line.number, wrong)
            continue
        rows.append(
            LogRow(index - 1, dict(zip(columns, cells, strict=True)), log, line.number, part)
        )
    if part:
        notes.append(f"{log}: {part + 1} logs were joined, each with a header; each is a session")
    return rows, notes


def _unread(columns: Sequence[str], where: str) -> list[str]:
    """A note on the header's columns that are not read, if there are any."""
    unread = [name or "one without a name" for name in columns if name not in COLUMNS]
    return [f"{where}: columns that are not read: {', '.join(unread)}"] if unread else []


def _miscounted(cells: Sequence[str], columns: Sequence[str], line: bytes) -> str:
    """What is wrong with the number of cells; empty if it is that of the columns."""
    if len(cells) == len(columns):
        return ""
    wrong = f"not the {len(columns)} columns {', '.join(columns)}, but {len(cells)}"
    other = next(
        (name for mark, name in ((b";", "semicolons"), (b"\t", "tabs")) if mark in line), None
    )
    if len(cells) == 1 and other is not None:
        wrong += f" between commas; a spreadsheet has put {other} there"
    return wrong


def _refuse_decimal_commas(cells: list[str], columns: tuple[str, ...], where: str) -> None:
    """Refuse lines with decimal commas. Such numbers (0,5) fall apart into two columns each, or
    were quoted by a spreadsheet; the line is not damaged.

    Raises:
        DataError: the line has them.
    """
    numbers = [cell for cell in cells if not _IMAGE.search(cell)]
    fell_apart = (
        len(cells) > len(columns)
        and len(cells) - len(numbers) <= len(SIDES) + 1
        and all(_DIGITS.fullmatch(each) for each in numbers)
    )
    if not fell_apart and not any(_COMMA.fullmatch(each) for each in numbers):
        return
    count = f"{len(cells)} columns instead of {len(columns)}, for " if fell_apart else ""
    raise DataError(
        f"{where}: {count}its numbers have decimal commas (0,5 for 0.5), as a program writes them "
        "under some languages. "
        "Write them with points, or record again with the simulator under LC_ALL=C"
    )


def _cells(line: bytes) -> tuple[list[str], str]:
    """The line's cells, and what is wrong with it (empty if nothing). Characters that are not UTF-8
    occur only in the names of folders, which are not used.
    """
    if b"\0" in line:
        return [], "NUL bytes, left by a power cut"
    try:
        found = next(csv.reader([line.decode(errors="replace")], strict=True), [])
    except csv.Error as error:
        return [], f"not CSV ({error})"
    return [cell.strip() for cell in found], ""


def _is_header(cells: list[str], first: bool) -> bool:
    """Whether the line names columns: no cell is an image, and, except in the first line, none is a
    number. One cell may be empty, as that of an index column is.
    """
    words = [cell for cell in cells if cell]
    if (
        len(words) < len(SIDES) + 1
        or len(cells) - len(words) > 1
        or any(_IMAGE.search(word) or _PATH.search(word) for word in words)
    ):
        return False
    return first or not any(_is_number(word) for word in words)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(cells: list[str], cameras: tuple[str, ...], where: str) -> tuple[str, ...]:
    """The header's columns under our names.

    Raises:
        DataError: a needed column is missing, or there twice.
    """
    names = tuple(_OTHER_NAMES.get(cell.lower(), cell.lower()) for cell in cells)
    needed = [name for name in COLUMNS if name not in SIDES or name in cameras]
    if all(names.count(name) == 1 for name in needed) and all(
        names.count(name) <= 1 for name in SIDES
    ):
        return names
    raise DataError(
        f"{where}: the header names the columns {', '.join(cells)}; needed are "
        f"{', '.join(needed)}, in any order "
        f"({', '.join(f'{other} for {name}' for other, name in _OTHER_NAMES.items())} is "
        "understood). Rename them in that line"
    )
