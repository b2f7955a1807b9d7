"""Folders that a command fills: locked, so that one process at a time fills them, and refused where
they hold something else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from auxdrive.errors import DataError, UsageError
from auxdrive.storage.reading import entries, exists, is_folder, make_folder, reason

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_NAME = ".auxdrive.lock"
_LOG = logging.getLogger(__name__)


@contextmanager
def held(folder: Path, *, beside: bool = False, option: str = "--out") -> Iterator[None]:
    """Lock a folder within the `with` block, so that no other process fills it. The lock of a
    killed process ends with it.

    The folder is made where there is none, and removed again if it is still empty at the end.
    Otherwise an empty lock file stays in it, which locks nothing by itself: the lock is the
    system's. Where the file system has no locks, as on some network shares, a warning is logged and
    nothing is locked.

    Args:
        folder: to lock.
        beside: whether the lock file lies beside the folder and is removed at the end, for a folder
            that appears by a rename.
        option: that names the folder, for messages.

    Raises:
        UsageError: another process holds the lock, or the path is a file.
        DataError: the folder cannot be made or written to.
    """
    home = folder.parent if beside else folder
    lock = _lock(home / (f".{folder.name[:40]}.lock" if beside else LOCK_NAME))
    if exists(folder) and not is_folder(folder):
        raise UsageError(f"{folder}: is a file; {option} names a folder")
    is_new = not exists(home)
    make_folder(home)
    _acquire(lock, folder, home, option)
    try:
        yield
    finally:
        if beside or (is_new and os.listdir(home) == [LOCK_NAME]):
            with suppress(OSError):  # on Windows an open file cannot be removed
                Path(lock.lock_file).unlink()
        lock.release()
        if is_new:
            with suppress(OSError):  # it is not empty, since something was made
                home.rmdir()


def _lock(file: Path) -> BaseFileLock:
    # imported here: the extras whose commands fill folders bring it, and the base install does not
    from filelock import FileLock

    return FileLock(file, timeout=0, thread_local=False, fallback_to_soft=False)


def _acquire(lock: BaseFileLock, folder: Path, home: Path, option: str) -> None:
    """Acquire a folder's lock, where the file system has locks.

    Args:
        lock: of the folder.
        folder: that is locked, for messages.
        home: the folder that holds the lock's file.
        option: that names the folder, for messages.

    Raises:
        UsageError: another process holds the lock.
        DataError: the lock's file cannot be written.
    """
    from filelock import Timeout

    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"{folder}: another process is writing there; wait for it, or choose another {option}"
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and not os.access(home, os.W_OK):
            raise DataError(
                f"{home}: may not be written into ({reason(error)}); choose another {option}"
            ) from error
        _say_that_nothing_is_held(folder, error)


def _say_that_nothing_is_held(folder: Path, error: Exception) -> None:
    _LOG.warning(
        f"{folder}: this file system has no locks ({reason(error)}). Let no second auxdrive write "
        "there"
    )


def refuse_occupied(out: Path, holds: str = "something else", *, option: str = "--out") -> None:
    """Refuse a folder that is to be filled but holds something else already.

    Args:
        out: the folder.
        holds: what it holds or lacks, for the message.
        option: that names the folder, for the message.

    Raises:
        UsageError: it is a file, or a folder with files that are not hidden. (A killed
            `write_atomic` leaves hidden files, and so does a lock.)
        DataError: it cannot be read.
    """
    if exists(out) and (
        not is_folder(out) or any(not entry.name.startswith(".") for entry in entries(out))
    ):
        raise UsageError(f"{out} is not empty and holds {holds}; choose another {option}")
