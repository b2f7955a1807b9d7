"""What an agent consists of: every file under its path. Two different agents must never drive parts
of one evaluation.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from auxdrive.bundles import CARD_NAME, layout
from auxdrive.errors import UsageError
from auxdrive.storage.reading import entries, exists, is_folder, open_regular, reason, refusals

MOST_FILES = 100_000
_CACHES = frozenset({"__pycache__"})
"""Python writes these when the agent is loaded; they follow from the source files."""
_AN_AGENTS = (".cache", ".git")
"""Beginnings of hidden names that are not skipped: download tools leave such folders, and an agent
may keep its weights in them. (Git's own folder is skipped.)
"""

_BLOCK = 1 << 20
_LEFT_OUT = "\0"


def hash_files(path: Path, leave_out: Path | None = None) -> dict[str, str]:
    """SHA-256 of each file below `path`, by its relative name. If `path` is a file, its own hash by
    its own name.

    Linked files and folders are followed. A folder that is reached again, for example by a link to
    one above it, is recorded under the name under which it was read first, so nothing is read twice
    or without end. Files that desktops and git leave, and Python's caches, are skipped. A bundle
    skips more files, those that it never reads. Files are read in pieces, so their size does not
    matter.

    Args:
        path: the agent's file or folder.
        leave_out: a folder that does not belong to the agent, such as the results of the drive;
            None if there is none.

    Raises:
        UsageError: something cannot be read, or there are more than `MOST_FILES` files.
    """
    known: dict[tuple[int, int], str] = {}
    hashes = {}
    for name, place in _walk(path, leave_out):
        hashes[name] = place if isinstance(place, str) else _hash(place, known)
    return hashes


def names_of_files(path: Path, leave_out: Path | None = None) -> set[str]:
    """The names that `hash_files` would return, without reading the files.

    Args:
        path: the agent's file or folder.
        leave_out: a folder that does not belong to the agent; None if there is none.

    Raises:
        UsageError: a folder cannot be read, or there are more than `MOST_FILES` files.
    """
    return {name for name, _ in _walk(path, leave_out)}


class Watch:
    """Notices changes of an agent's files. It reads only the files that were touched.

    Args:
        path: the agent's file or folder.
        leave_out: as for `hash_files`.
        hashes: what `hash_files` returned for these two.
    """

    def __init__(self, path: Path, leave_out: Path | None, hashes: dict[str, str]) -> None:
        self._path, self._leave_out, self._hashes = path, leave_out, hashes
        self._seen = self._touches()

    def changed(self) -> list[str]:
        """The names of files whose content differs from their hash. Each name is returned only
        once.

        Raises:
            UsageError: a file cannot be read.
        """
        known: dict[tuple[int, int], str] = {}
        before, self._seen = self._seen, self._touches()
        touched = [
            name
            for name, when in self._seen.items()
            if name in self._hashes and when != before.get(name)
        ]
        places = {
            name: place for name, place in _walk(self._path, self._leave_out) if name in touched
        }
        now = {
            name: place if isinstance(place, str) else _hash(place, known)
            for name, place in places.items()
        }
        changed = sorted(name for name, value in now.items() if value != self._hashes[name])
        self._hashes = self._hashes | now
        return changed

    def _touches(self) -> dict[str, tuple[int, ...]]:
        touches: dict[str, tuple[int, ...]] = {}
        for name, place in _walk(self._path, self._leave_out):
            try:
                status = os.stat(place)
            except OSError:  # not a file, or removed meanwhile
                touches[name] = ()
            else:
                touches[name] = (status.st_size, status.st_mtime_ns, *_identity(status))
        return touches


def fingerprint(hashes: dict[str, str]) -> str:
    """One SHA-256 of all hashes."""
    digest = hashlib.sha256()
    for name, value in sorted(hashes.items()):
        digest.update(f"{name}\0{value}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _walk(path: Path, leave_out: Path | None) -> Iterator[tuple[str, Path | str]]:
    """Yields (name, file, or what is recorded instead of it), sorted within each folder."""
    with refusals(path, "cannot be looked at", UsageError):
        if not is_folder(path):
            yield path.name, path
            return
        of_bundle = exists(path / CARD_NAME)
        seen = {_identity(os.stat(path)): "."}
        if leave_out is not None and exists(leave_out):
            seen[_identity(os.stat(leave_out))] = _LEFT_OUT
    levels = [iter([(entry.name, entry) for entry in entries(path, UsageError)])]
    count = 0
    while levels:  # not recursive: folders may be nested deeply
        name, entry = next(levels[-1], ("", path))
        if not name:
            levels.pop()
        elif _is_passed_over(name, of_bundle):
            continue
        elif isinstance(place := _place(name, entry, seen), Path | str):
            count += 1
            if count > MOST_FILES:
                raise UsageError(
                    f"{path}: holds more than {MOST_FILES:,} files, all of which belong to the "
                    "agent. Give the agent's own folder, or let "
                    "the agent say its own `fingerprint` (see auxdrive.agent.Agent)"
                )
            yield name, place
        elif place:
            levels.append(
                iter([(f"{name}/{below.name}", below) for below in entries(entry, UsageError)])
            )


def _is_passed_over(path: str, of_bundle: bool) -> bool:
    name = path.rpartition("/")[2]
    if name in _CACHES:
        return True
    if of_bundle:
        return layout.is_passed_over(path)
    an_agents = name.lower().startswith(_AN_AGENTS) and name != ".git"
    return layout.is_left_by_others(name) and not an_agents


def _place(name: str, entry: Path, seen: dict[tuple[int, int], str]) -> Path | str | bool:
    """The file, or what is recorded instead of it; for a folder, whether to enter it."""
    try:
        status = os.stat(entry)
    except OSError as error:
        return f"a link that leads nowhere ({reason(error)})"
    if not stat.S_ISDIR(status.st_mode):
        return entry if stat.S_ISREG(status.st_mode) else "no regular file"
    before = seen.setdefault(_identity(status), name)
    return True if before == name else False if before == _LEFT_OUT else f"the folder {before}"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _hash(file: Path, known: dict[tuple[int, int], str]) -> str:
    with open_regular(file, UsageError) as opened, refusals(file, "cannot be read", UsageError):
        identity = _identity(os.fstat(opened.fileno()))
        if identity not in known:
            digest = hashlib.sha256()
            while block := opened.read(_BLOCK):
                digest.update(block)
            known[identity] = digest.hexdigest()
        return known[identity]
