"""Files and folders that appear whole or not at all: written beside their place, forced onto the
disk, and renamed. All that auxdrive writes for others to read appears so.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from auxdrive.errors import DataError
from auxdrive.machine.processes import is_running
from auxdrive.storage.reading import check_regular, entries, exists, is_folder, reason, refusals

# What file systems answer that have no such call: FAT and exFAT, WSL's and network shares. A disk
# that fails says something else.
_NOT_SUPPORTED = {
    errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EPERM,
    errno.EACCES, errno.EBADF, errno.EISDIR,
}  # fmt: skip
_PARTIAL = re.compile(r"\.partial-.+-(\d+)")


def fsync_directory(path: Path) -> None:
    """Force a directory's entries onto the disk, where the system and the file system have such a
    call.
    """
    if os.name != "posix":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise


def hidden_beside(path: Path) -> Path:
    """A name for what is not finished, beside what it will be: hidden, new, and short enough
    whatever the name is.
    """
    return path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}")


def partial_of(path: Path) -> Path:
    """Where this process makes what takes longer, beside what it will be. The name tells whose it
    is, so that `clean_partials` finds what a killed process left.
    """
    return path.with_name(f".partial-{path.name}-{os.getpid()}")


def is_partial(path: Path) -> bool:
    """Whether `partial_of` gave the name."""
    return _PARTIAL.fullmatch(path.name) is not None


def clean_partials(folder: Path) -> tuple[str, ...]:
    """Remove from a folder what processes of this machine that are gone have left half made there;
    the names. What belongs to a process that runs stays.

    Raises:
        DataError: the folder may not be read, or a file may not be removed.
    """
    removed = []
    for entry in entries(folder):
        owner = _PARTIAL.fullmatch(entry.name)
        if owner is None or is_running(int(owner[1])):
            continue
        if is_folder(entry) and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with refusals(entry, "cannot be removed"):
                entry.unlink(missing_ok=True)
        removed.append(entry.name)
    return tuple(removed)


@contextmanager
def published_file(path: Path, partial: Path | None = None) -> Iterator[Path]:
    """Yields a name beside `path` to write a file to. When the block ends, that file is forced onto
    the disk and takes the place of `path`; when it fails, it is removed.

    Args:
        path: where the file appears, in place of one that is there.
        partial: the name beside it; a new hidden one by default.

    Raises:
        OSError: the disk refuses; what was there before is untouched.
    """
    written = hidden_beside(path) if partial is None else partial
    try:
        yield written
        force_file(written)
        written.replace(path)
    finally:
        with suppress(OSError):
            written.unlink(missing_ok=True)  # renamed away where all went well
    fsync_directory(path.parent)


@contextmanager
def published_folder(
    path: Path, partial: Path | None = None, *, replace: bool = False
) -> Iterator[Path]:
    """Yields a new folder beside `path`. When the block ends, it is renamed to `path`; when it
    fails, it is removed. Its files must have been forced onto the disk (`write_new`).

    Args:
        path: where the folder appears.
        partial: the folder beside it; a new hidden one by default.
        replace: take the place of a folder that is there. Killed in the middle of that, neither is
            there.

    Raises:
        OSError: the disk refuses, or something is there and is not to be replaced.
    """
    made = hidden_beside(path) if partial is None else partial
    made.mkdir()
    try:
        yield made
        put_in_place(made, path, replace=replace)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # renamed away where all went well
    fsync_directory(path.parent)


def put_in_place(folder: Path, path: Path, *, replace: bool = False) -> None:
    """Rename a finished folder to `path`, with its entries on the disk. `path.parent` is forced
    onto the disk by whoever needs that (`fsync_directory`).

    Raises:
        OSError: as `published_folder`.
    """
    for inner in (*(entry for entry in folder.rglob("*") if entry.is_dir()), folder):
        fsync_directory(inner)
    if not (replace and exists(path)):
        folder.rename(path)
        return
    # a folder that is not empty cannot be replaced at once
    earlier = partial_of(path.with_name(f"{path.name}-earlier"))
    path.replace(earlier)
    folder.replace(path)
    shutil.rmtree(earlier)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, in a folder that nobody reads yet; on the disk when this
    returns.

    Raises:
        OSError: the disk refuses, or the file is there.
    """
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def force_file(path: Path) -> None:
    """Force what was written into a file onto the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def as_the_umask_says(path: Path) -> None:
    """Give a file that a library wrote the rights of a file that Python opens: some libraries let
    nobody else read theirs.

    Where the file system has no rights, nothing is done.
    """
    probe = hidden_beside(path)
    try:
        with probe.open("xb") as file:
            rights = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    finally:
        probe.unlink(missing_ok=True)
    with suppress(OSError):
        path.chmod(rights)


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old content or the whole new one, also after a power
    cut. The umask says who may read it.

    Raises:
        DataError: the disk refused, or there is something that is no file; the old file, if there
            was one, is untouched.
    """
    if exists(path):
        check_regular(path)  # a rename would put a file in the place of /dev/null
    try:
        with published_file(path) as partial:
            partial.write_bytes(data)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise DataError(f"cannot write {path}: {reason(error)}") from error
