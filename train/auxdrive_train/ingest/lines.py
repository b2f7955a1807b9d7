"""Lines of label files, read so that a damaged line does not affect the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from auxdrive.errors import DataError

from auxdrive_train.ingest.source import CUT_OFF, read_labels

REFUSED_SHARE = 0.2
"""A source with a larger share of damaged lines is refused, since the rest may be wrong as well."""
DAMAGED = "damaged line"
_IN_A_NOTE = 12


@dataclass(slots=True)
class Damage:
    """The damaged lines of a source.

    Attributes:
        lines: number of all lines that are not empty.
        found: by file, (line number, what is wrong) for each damaged line.
    """

    lines: int = 0
    found: dict[Path, list[tuple[int, str]]] = field(default_factory=dict)

    def add(self, file: Path, line: int, what: str) -> None:
        """Note a damaged line, which is left out.

        Args:
            file: the label file.
            line: its number in the file, counted from 1.
            what: what is wrong with it, in words. Lines of a file with equal words are told
                together.
        """
        self.found.setdefault(file, []).append((line, what))

    def __len__(self) -> int:
        return sum(len(lines) for lines in self.found.values())

    def settle(self, source: str, skipped: Counter[str]) -> list[str]:
        """Count the damaged lines in `skipped`. Returns notes that say where they are, shortened to
        fit.

        Args:
            source: the source's name, for the message.
            skipped: counts what is left out, by reason.

        Raises:
            DataError: more than `REFUSED_SHARE` of the lines are damaged, and more than one; the
                message lists all of them.
        """
        if not self.found:
            return []
        if len(self) > 1 and len(self) > REFUSED_SHARE * self.lines:
            raise DataError(
                f"{source}: {len(self)} of {self.lines} lines are damaged; more than "
                f"{REFUSED_SHARE:.0%} are refused. "
                "Repair or remove them:\n" + "\n".join(f"  {line}" for line in self._listed(None))
            )
        skipped[DAMAGED] += len(self)
        return [f"damaged: {line}" for line in self._listed(_IN_A_NOTE)]

    def _listed(self, most: int | None) -> list[str]:
        """A text for each file and kind of damage, with the ranges of damaged lines, at most `most`
        of them.
        """
        texts = []
        for file, lines in self.found.items():
            kinds: dict[str, list[int]] = {}
            for line, what in lines:
                kinds.setdefault(what, []).append(line)
            texts += [
                f"{file}, line{'s' if len(numbers) > 1 else ''} {_ranges(numbers, most)}: {what}"
                for what, numbers in kinds.items()
            ]
        return texts


def _ranges(numbers: list[int], most: int | None) -> str:
    """[1, 2, 3, 7] as '1-3, 7'."""
    ends = [
        place for place, (one, following) in enumerate(pairwise(numbers)) if following != one + 1
    ]
    starts = [0, *(place + 1 for place in ends)]
    pairs = [
        (numbers[start], numbers[end])
        for start, end in zip(starts, [*ends, len(numbers) - 1], strict=True)
    ]
    texts = [f"{first}" if first == last else f"{first}-{last}" for first, last in pairs[:most]]
    return ", ".join(texts) + (
        f" and {len(pairs) - len(texts)} more places" if len(pairs) > len(texts) else ""
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        number: counted from 1.
        text: the line without its end.
        ended: whether it has an end. A last line without one may have been cut off while it was
            written.
    """

    number: int
    text: bytes
    ended: bool


def read_lines(file: Path) -> Iterator[Line]:
    r"""The lines of a file that are not empty, without their ends and surrounding NUL bytes.

    NUL bytes appear after a power cut, when a journalling file system had stored the length of a
    file but not its content; what was written later follows them in the same line. A line of NUL
    bytes alone is returned as b"\0".

    Raises:
        DataError: the file cannot be read.
    """
    data = read_labels(file).removeprefix(b"\xef\xbb\xbf")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{file}: is UTF-16 text; save it as UTF-8")
    lines = data.split(b"\n")
    for number, raw in enumerate(lines, start=1):
        text = raw.strip()
        if text:
            yield Line(number, text.strip(b"\0").strip() or b"\0", number < len(lines))


def cut_off(line: Line, skipped: Counter[str]) -> bool:
    """Whether an unreadable line is a last line without an end. It is then counted in `skipped` as
    cut off.

    Args:
        line: a line that could not be read.
        skipped: counts what is left out, by reason.
    """
    if line.ended or line.number == 1:
        return False
    skipped[CUT_OFF] += 1
    return True
