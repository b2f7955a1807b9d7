"""Folders that a command fills and may continue later. Each belongs to the settings with which it
was begun, and is continued only with the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from auxdrive.errors import UsageError
from auxdrive.storage.folders import held, refuse_occupied
from auxdrive.storage.publish import clean_partials
from auxdrive.storage.reading import exists, is_folder

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class FolderKind(Generic[Settings]):
    """A kind of folder, such as that of a run, and how its settings are stored.

    Attributes:
        what: the kind with its article, for messages: "a run".
        settings_name: the name of the file with the settings. The command that fills the folder
            writes it.
        read: reads the settings from that file. It raises an AuxdriveError where they are damaged.
        differences: compares the settings of the folder with those given now; a sentence for each
            difference that is not allowed.
        has_work: whether the folder holds work that would be lost. Where it holds none, other
            settings may take it over.
        option: that names the folder, for messages.
    """

    what: str
    settings_name: str
    read: Callable[[Path], Settings]
    differences: Callable[[Settings, Settings], Sequence[str]]
    has_work: Callable[[Path], bool] = lambda _: True
    option: str = "--out"


@contextmanager
def claim(
    folder: Path, settings: Settings | None, kind: FolderKind[Settings], resume: bool | None = None
) -> Iterator[Settings | None]:
    """Lock a folder that is to be filled, or continued, with these settings. Nothing but the lock
    is written, and what killed processes left unfinished right in the folder is removed.

    Args:
        folder: it need not exist.
        settings: that decide the content; None where they become known only later (then call
            `refuse_differences`).
        kind: of the folder.
        resume: True continues earlier work, which must exist. False begins, and refuses a folder
            with earlier work. None continues where there is some and begins where there is none.

    Yields:
        The settings with which the folder was begun; None where it is begun now.

    Raises:
        UsageError: another process holds the folder, it holds something else or was begun with
            other settings, or `resume` does not fit what it holds.
        AuxdriveError: the settings in the folder are damaged, or an unfinished file cannot be
            removed.
    """
    if is_folder(folder) and not exists(folder / kind.settings_name):
        # before a lock file is put into a folder that is not ours
        refuse_occupied(folder, option=kind.option)
    with held(folder, option=kind.option):
        earlier = _earlier(folder, settings, kind, resume)
        clean_partials(folder)
        yield earlier


def _earlier(
    folder: Path, settings: Settings | None, kind: FolderKind[Settings], resume: bool | None
) -> Settings | None:
    path = folder / kind.settings_name
    if not exists(path):
        if resume:
            raise UsageError(
                f"{folder}: holds nothing that could be resumed; leave --resume out to begin "
                f"{kind.what} there"
            )
        refuse_occupied(folder, option=kind.option)
        return None
    if not kind.has_work(folder):
        return None
    if resume is False:
        raise UsageError(
            f"{folder}: holds {kind.what} already; go on with --resume, or choose another "
            f"{kind.option}"
        )
    earlier = kind.read(path)
    if settings is not None:
        refuse_differences(folder, kind.differences(earlier, settings), kind.option)
    return earlier


def refuse_differences(folder: Path, differences: Sequence[str], option: str = "--out") -> None:
    """Refuse to continue a folder with other settings than it was begun with.

    Args:
        folder: for the message.
        differences: a sentence for each.
        option: that names the folder, for the message.

    Raises:
        UsageError: there are differences.
    """
    if differences:
        raise UsageError(
            f"{folder}: cannot be resumed, it was begun under other settings: "
            f"{'; '.join(differences)}. Choose another {option}, or give the same settings"
        )


def changed(name: str, before: Any, now: Any) -> str:
    """The sentence for a setting that differs.

    Args:
        name: of the setting.
        before: its value in the folder.
        now: its value that is given.
    """
    return f"{name} was {in_words(before)} and is {in_words(now)}"


def in_words(value: Any) -> str:
    """A setting's value for a sentence, cut where it is long: as it would be written in a file of
    settings, and words for what cannot be seen.

    Args:
        value: of the setting; None where it is not set.
    """
    if value is None:
        return "not set"
    text = str(value).lower() if isinstance(value, bool) else str(value) or "empty"
    return text if len(text) <= 80 else text[:77] + "..."
