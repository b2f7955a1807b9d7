"""Files that appear whole or not at all: written beside their place, flushed, and renamed."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from auxdrive.errors import DataError
from auxdrive.storage.reading import check_regular, exists, reason

# What file systems answer that have no such call: FAT and exFAT, WSL's and network shares. A disk
# that fails says something else.
_NOT_SUPPORTED = {
    errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EPERM,
    errno.EACCES, errno.EBADF, errno.EISDIR,
}  # fmt: skip


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
    temporary = hidden_beside(path)
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        fsync_directory(path.parent)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise DataError(f"cannot write {path}: {reason(error)}") from error
