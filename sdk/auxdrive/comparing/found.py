"""The results in folders, whatever kind they are of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auxdrive.comparing import COMPARABLES
from auxdrive.comparing.base import Comparable, Result
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.reading import exists, is_folder


def parse_given(text: str) -> tuple[str | None, Path]:
    """What `auxdrive compare` is given: PATH, or NAME=PATH. What exists under the whole text is
    that path.

    Raises:
        UsageError: NAME or PATH is empty.
    """
    name, equals, path = text.partition("=")
    if not equals or exists(Path(text)):
        return None, Path(text)
    if not name.strip() or not path:
        raise UsageError(f"{text!r}: give PATH or NAME=PATH")
    return name.strip(), Path(path)


def find(
    given: Sequence[tuple[str | None, Path]],
) -> tuple[list[tuple[str | None, Result]], dict[Path, str], str]:
    """The results of all folders with their groups' given names, the holes, and what the results
    are.

    Raises:
        UsageError: a folder holds no results, or those of several are of different kinds.
        DataError: a folder is damaged or not finished, or all that should stand there is missing.
    """
    if not given:
        raise UsageError("there is nothing to compare; give two or more folders")
    found: list[tuple[str | None, Result]] = []
    holes: dict[Path, str] = {}
    kinds: dict[str, Path] = {}
    for name, path in given:
        kind = _kind_of(path)
        kinds.setdefault(kind.results, path)
        held = kind.read(path)
        found += [(name, result) for result in held.results]
        holes |= held.holes
    if len(kinds) > 1:
        told = " and ".join(f"{path} holds {what}" for what, path in kinds.items())
        raise UsageError(f"{told}: they cannot be compared with each other")
    if not found:
        told = "\n".join(f"  {path}: {reason}" for path, reason in holes.items())
        raise DataError(f"there is no finished result to compare:\n{told}")
    return found, holes, next(iter(kinds))


def _kind_of(path: Path) -> Comparable:
    if not is_folder(path):
        raise UsageError(f"{path}: no such directory")
    known, unusable = [], []
    for name in COMPARABLES:
        try:
            kind = COMPARABLES[name]
        except UsageError as error:
            unusable.append(f". {error}")
            continue
        if kind.holds(path):
            return kind
        known.append(f"{kind.what} ({kind.known_by})")
    raise UsageError(
        f"{path}: holds nothing that can be compared: {', '.join(known)}{''.join(unusable)}"
    )
