"""Finds the results in folders of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auxdrive.comparing import COMPARABLES
from auxdrive.comparing.base import Comparable, Result
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.reading import exists, is_folder


def parse_given(text: str) -> tuple[str | None, Path]:
    """Read an argument of `auxdrive compare`, PATH or NAME=PATH. Where a path with the whole text
    as its name exists, that path is meant.

    Returns:
        The name (None where there is none) and the path.

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
    """Read the results in folders.

    Args:
        given: folders, each with the name of its group or None.

    Returns:
        The results with the names of their groups, the folders without the result that they should
        have with the reason, and what the results are ("runs").

    Raises:
        UsageError: a folder holds no results, or those of several folders are of different kinds.
        DataError: a folder is damaged or not finished, or all of its results are missing.
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
    found, tried, unusable = COMPARABLES.first(lambda kind: kind.holds(path))
    if found is not None:
        return found
    known = ", ".join(f"{kind.what} ({kind.known_by})" for kind in tried)
    reasons = "".join(f". {error}" for error in unusable)
    raise UsageError(f"{path}: holds nothing that can be compared: {known}{reasons}")
