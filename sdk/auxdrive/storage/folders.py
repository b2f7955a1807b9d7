"""Folders that a command fills: held by one process at a time, and refused where occupied."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from auxdrive.errors import DataError, UsageError
from auxdrive.storage.reading import entries, exists, is_folder, make_folder, reason

LOCK_NAME = ".auxdrive.lock"
_LOG = logging.getLogger(__name__)


@contextmanager
def held(folder: Path, *, beside: bool = False) -> Iterator[None]:
    """Hold a folder while the block runs, so that no second process fills it. A process that is
    killed lets go.

    The folder is made where there is none, and removed again when nothing was put into it. An empty
    lock file stays behind in it; it holds nobody up (the lock is the system's, not the file). Where
    the file system has no locks, as some network shares, that is logged and nothing is held.

    Args:
        beside: the lock lies beside the folder and is removed at the end: for a folder that appears
            by a rename.

    Raises:
        UsageError: another process holds it, or it is a file. DataError: it cannot be made or
            written into.
    """
    # comes with the extras whose commands fill folders; the vehicle's fill none
    from filelock import FileLock, Timeout

    if exists(folder) and not is_folder(folder):
        raise UsageError(f"{folder}: is a file; --out names a folder")
    home = folder.parent if beside else folder
    is_new = not exists(home)
    make_folder(home)
    lock = FileLock(
        home / (f".{folder.name[:40]}.lock" if beside else LOCK_NAME),
        timeout=0,
        thread_local=False,
        fallback_to_soft=False,
    )
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"{folder}: another process is writing there; wait for it, or choose another --out"
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and not os.access(home, os.W_OK):
            raise DataError(
                f"{home}: may not be written into ({reason(error)}); choose another --out"
            ) from error
        _say_that_nothing_is_held(folder, error)
    try:
        yield
    finally:
        if beside or (is_new and os.listdir(home) == [LOCK_NAME]):
            with suppress(OSError):  # on Windows it is open, and goes when it is closed
                Path(lock.lock_file).unlink()
        lock.release()
        if is_new:
            with suppress(OSError):  # it is not empty: something was made
                home.rmdir()


def _say_that_nothing_is_held(folder: Path, error: Exception) -> None:
    _LOG.warning(
        f"{folder}: this file system has no locks ({reason(error)}). Let no second auxdrive write "
        "there"
    )


def refuse_occupied(out: Path, holds: str = "something else") -> None:
    """Refuse a folder that is to be filled and holds something else already; `holds` says what, or
    which is missing.

    Raises:
        UsageError: it is a file, or a folder with anything but hidden files (a killed
            `write_atomic` leaves one, a lock another).
        DataError: it may not be looked at.
    """
    if exists(out) and (
        not is_folder(out) or any(not entry.name.startswith(".") for entry in entries(out))
    ):
        raise UsageError(f"{out} is not empty and holds {holds}; choose another --out")
