"""Files and folders that appear completely or not at all: they are written beside their place,
forced onto the disk, and renamed. auxdrive writes everything like this that others may read.
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

# The errors of file systems without such a call: FAT and exFAT, those of WSL, network shares. A
# disk that fails raises others.
_NOT_SUPPORTED = {
    errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EPERM,
    errno.EACCES, errno.EBADF, errno.EISDIR,
}  # fmt: skip
_PARTIAL = re.compile(r"\.partial-.+-(\d+)")


def fsync_directory(path: Path) -> None:
    """Force the entries of a directory onto the disk, where the system and the file system can do
    that.
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
    """A name beside a path for its unfinished content: hidden, new, and short enough even where the
    path's name is long. `clean_partials` finds what a killed process left.
    """
    return path.with_name(f".partial-{path.name[:40]}-{secrets.token_hex(6)}-{os.getpid()}")


def partial_of(path: Path) -> Path:
    """The path beside another one where this process makes its content, for work that takes long.
    The name holds the process's id, so that `clean_partials` finds what a killed process left.
    """
    return path.with_name(f".partial-{path.name}-{os.getpid()}")


def is_partial(path: Path) -> bool:
    """Whether a path is one that `partial_of` or `hidden_beside` gives."""
    return _PARTIAL.fullmatch(path.name) is not None


def clean_partials(folder: Path) -> tuple[str, ...]:
    """Remove the unfinished files and folders that ended processes of this machine left in a
    folder. Those of running processes stay.

    Returns:
        The names of what was removed.

    Raises:
        DataError: the folder cannot be read, or a file cannot be removed.
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
    """Write a file in one step. When the `with` block ends, the file is forced onto the disk and
    takes its place; when the block fails, it is removed.

    Args:
        path: where the file appears, replacing an old one.
        partial: where it is written; a new hidden name beside it by default.

    Yields:
        The path to write the file to.

    Raises:
        OSError: the disk refuses; an old file is untouched.
    """
    written = hidden_beside(path) if partial is None else partial
    try:
        yield written
        force_file(written)
        written.replace(path)
    finally:
        with suppress(OSError):
            written.unlink(missing_ok=True)  # it was renamed if all went well
    fsync_directory(path.parent)


@contextmanager
def published_folder(
    path: Path, partial: Path | None = None, *, replace: bool = False
) -> Iterator[Path]:
    """Make a folder that appears in one step. When the `with` block ends, it is renamed to its
    place; when the block fails, it is removed. The caller must force its files onto the disk
    (`write_new`).

    Args:
        path: where the folder appears.
        partial: where it is made; a new hidden name beside it by default.
        replace: whether it may replace an old folder. If the process is killed in the middle of
            that, neither of them is there.

    Yields:
        The folder to fill.

    Raises:
        OSError: the disk refuses, or there is something that must not be replaced.
    """
    made = hidden_beside(path) if partial is None else partial
    made.mkdir()
    try:
        yield made
        put_in_place(made, path, replace=replace)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # it was renamed if all went well
    fsync_directory(path.parent)


def put_in_place(folder: Path, path: Path, *, replace: bool = False) -> None:
    """Rename a finished folder to its place, after its entries were forced onto the disk. The
    caller may force the rename itself onto the disk (`fsync_directory` of the parent).

    Args:
        folder: that is finished.
        path: its place.
        replace: as for `published_folder`.

    Raises:
        OSError: as `published_folder`.
    """
    for inner in (*(entry for entry in folder.rglob("*") if entry.is_dir()), folder):
        fsync_directory(inner)
    if not (replace and exists(path)):
        folder.rename(path)
        return
    # a rename cannot replace a folder that is not empty
    earlier = partial_of(path.with_name(f"{path.name}-earlier"))
    path.replace(earlier)
    folder.replace(path)
    shutil.rmtree(earlier)


def write_new(path: Path, data: bytes) -> None:
    """Write a new file into a folder that nobody reads yet, and force it onto the disk.

    Args:
        path: of the file.
        data: its content.

    Raises:
        OSError: the disk refuses, or the file exists.
    """
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def force_file(path: Path) -> None:
    """Force the content of a file onto the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def as_the_umask_says(path: Path) -> None:
    """Give a file that a library wrote the usual rights of a new file, since some libraries write
    files that nobody else may read.

    Nothing is done where the file system has no rights.
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
    """Write a file so that readers see either the old content or all of the new one, even after a
    power cut. The umask decides who may read it.

    Args:
        path: of the file.
        data: its content.

    Raises:
        DataError: the disk refuses, or the path is something else than a file; an old file is
            untouched.
    """
    if exists(path):
        check_regular(path)  # a rename would put a file in the place of /dev/null
    try:
        with published_file(path) as partial:
            partial.write_bytes(data)
    except (OSError, ValueError) as error:  # a name that no file can have raises ValueError
        raise DataError(f"cannot write {path}: {reason(error)}") from error
