"""Folders that a command fills and may go on with: each belongs to the settings under which it was
begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from auxdrive.errors import UsageError
from auxdrive.storage.folders import held, refuse_occupied
from auxdrive.storage.reading import exists, is_folder

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class FolderKind(Generic[Settings]):
    """What a kind of folder is filled with, and how its settings are kept.

    Attributes:
        what: with its article, for messages: "a run".
        settings_name: the file with the settings; whoever fills the folder writes it.
        read: the settings from that file. It raises an AuxdriveError where they are damaged.
        differences: of the settings before and now, a sentence for each that may not differ.
        has_work: whether the folder holds work that would be lost. Where it holds none, it is taken
            over whatever its settings were.
    """

    what: str
    settings_name: str
    read: Callable[[Path], Settings]
    differences: Callable[[Settings, Settings], Sequence[str]]
    has_work: Callable[[Path], bool] = lambda _: True


@contextmanager
def claim(
    folder: Path, settings: Settings | None, kind: FolderKind[Settings], resume: bool | None = None
) -> Iterator[Settings | None]:
    """Hold a folder that is to be filled under these settings, or gone on with; yields the settings
    under which it was begun, None where it is begun anew. Nothing is written but the lock.

    Args:
        folder: it need not exist.
        settings: what decides the content; None where they are known only later
            (`refuse_differences`).
        kind: what fills the folder.
        resume: True goes on with what is there, and needs something; False begins, and refuses
            what is there; None does whichever can be done.

    Raises:
        UsageError: another process holds the folder, it holds something else, it was begun under
            other settings, or `resume` asks for what is not there.
        AuxdriveError: the settings there are damaged.
    """
    if is_folder(folder) and not exists(folder / kind.settings_name):
        refuse_occupied(folder)  # before the lock is laid into somebody else's folder
    with held(folder):
        yield _earlier(folder, settings, kind, resume)


def _earlier(
    folder: Path, settings: Settings | None, kind: FolderKind[Settings], resume: bool | None
) -> Settings | None:
    path = folder / kind.settings_name
    if not exists(path):
        if resume:
            raise UsageError(
                f"{folder}: holds nothing that could be gone on with; leave --resume out to begin "
                f"{kind.what} there"
            )
        refuse_occupied(folder)
        return None
    if not kind.has_work(folder):
        return None
    if resume is False:
        raise UsageError(
            f"{folder}: holds {kind.what} already; go on with --resume, or choose another --out"
        )
    earlier = kind.read(path)
    if settings is not None:
        refuse_differences(folder, kind.differences(earlier, settings))
    return earlier


def refuse_differences(folder: Path, differences: Sequence[str]) -> None:
    """Refuse to go on in a folder with what differs from the settings under which it was begun.

    Raises:
        UsageError: there are differences.
    """
    if differences:
        raise UsageError(
            f"{folder}: cannot be resumed, it was begun under other settings: "
            f"{'; '.join(differences)}. Choose another --out, or give the same settings"
        )


def changed(name: str, before: Any, now: Any) -> str:
    """The sentence on a setting that differs."""
    return f"{name} was {_short(before)} and is {_short(now)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
