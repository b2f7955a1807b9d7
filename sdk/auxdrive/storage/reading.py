"""Opens and reads a user's files. Nothing else opens them, so that nothing hangs and every refusal
is an `AuxdriveError`.

A user's path may lead to anything: a pipe into which nobody writes, a device, a folder that must
not be entered, a file of a terabyte. Whatever is no regular file is refused before it is opened,
sizes are limited, and a refusal of the system becomes an `AuxdriveError` that names the path. A
path that leads nowhere is no error for `exists`, `is_folder` and `is_file`: they return False.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auxdrive.errors import AuxdriveError, DataError

Where = Path | str | os.PathLike[str]
ErrorKind = type[AuxdriveError]

# The errors of a path that leads nowhere: a part of it is missing, is no folder, is a link to
# itself, or has too long a name.
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EBADF}
_PACKED = ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"))
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextmanager
def refusals(
    path: Where, what: str = "cannot be read", kind: ErrorKind = DataError
) -> Iterator[None]:
    """Turn refusals of the system within the `with` block into errors that say "<path>: <what>
    (<the system's reason>)".

    Args:
        path: for the message.
        what: cannot be done, for the message.
        kind: the class of the error.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{os.fspath(path)}: {what} ({reason(error)})") from error
    except ValueError as error:
        if not _impossible(path):
            raise
        raise kind(f"{os.fspath(path)!r}: {what} (no file can have this name)") from error


def reason(error: BaseException) -> str:
    """Why the system refused something, in its own words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def shown(value: object, limit: int = 200) -> str:
    """A value from a file as messages show it.

    Args:
        value: whatever it is, even a number of so many digits that Python refuses to write it.
        limit: how many characters are shown.
    """
    try:
        text = str(value)
    except ValueError:
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= limit else f"{text[:limit]}..."


def no_document(content: bytes) -> str | None:
    """What a file's content is that can be no document of any format, in words that follow its
    name; None if it may be one.

    Args:
        content: of the file.
    """
    if not content.strip():
        return "is empty"
    packed = next((name for start, name in _PACKED if content.startswith(start)), None)
    return f"is packed by {packed}; unpack it first" if packed else None


def as_text(name: str) -> str:
    """A file's name as text that can be printed and stored; bytes that are no UTF-8 are escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _impossible(path: Where) -> bool:
    """Whether no file can have that name, because it holds a NUL or a character that the encoding
    of the file system lacks.
    """
    try:
        return b"\0" in os.fsencode(path)
    except UnicodeError:
        return True


def _status(path: Where, kind: ErrorKind) -> os.stat_result | None:
    """The status of what a path leads to; None where it leads nowhere.

    Raises:
        kind: the system refuses to tell.
    """
    if _impossible(path):
        return None
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise kind(f"{os.fspath(path)}: cannot be looked at ({reason(error)})") from error


def exists(path: Where, kind: ErrorKind = DataError) -> bool:
    """Whether a path leads to anything.

    Args:
        path: of a user.
        kind: the class of the error.

    Raises:
        kind: the system refuses to tell, such as for want of permission.
    """
    return _status(path, kind) is not None


def is_folder(path: Where, kind: ErrorKind = DataError) -> bool:
    """Whether a path leads to a folder.

    Args:
        path: of a user.
        kind: the class of the error.

    Raises:
        kind: as `exists`.
    """
    status = _status(path, kind)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Where, kind: ErrorKind = DataError) -> bool:
    """Whether a path leads to a regular file: no folder, pipe or device.

    Args:
        path: of a user.
        kind: the class of the error.

    Raises:
        kind: as `exists`.
    """
    status = _status(path, kind)
    return status is not None and stat.S_ISREG(status.st_mode)


def entries(folder: Where, kind: ErrorKind = DataError) -> list[Path]:
    """What a folder holds, sorted by name; nothing where there is no such folder.

    Args:
        folder: of a user.
        kind: the class of the error.

    Raises:
        kind: it cannot be read, or is no folder.
    """
    with refusals(folder, "cannot be listed", kind):
        try:
            return sorted(Path(folder).iterdir())
        except FileNotFoundError:
            return []


def make_folder(folder: Where, kind: ErrorKind = DataError) -> None:
    """Make a folder and those above it. One that exists is left as it is.

    Args:
        folder: of a user.
        kind: the class of the error.

    Raises:
        kind: it cannot be made.
    """
    with refusals(folder, "cannot be made", kind):
        Path(folder).mkdir(parents=True, exist_ok=True)


def check_regular(path: Where, kind: ErrorKind = DataError) -> None:
    """Refuse a path that leads to no regular file. For libraries that open a path themselves, and
    would hang on a pipe.

    Args:
        path: of a user.
        kind: the class of the error.

    Raises:
        kind: there is no such file, it is no regular file, or the system refuses to tell.
    """
    status = _status(path, kind)
    if status is None:
        raise kind(f"{os.fspath(path)}: no such file")
    _refuse_special(path, status, kind)


def _refuse_special(path: Where, status: os.stat_result, kind: ErrorKind) -> None:
    if not stat.S_ISREG(status.st_mode):
        found = next((name for test, name in _KINDS if test(status.st_mode)), "no regular file")
        raise kind(f"{os.fspath(path)}: is {found}; a file is needed here")


def open_regular(
    path: Where, kind: ErrorKind = DataError, *, follow: bool = True
) -> io.BufferedReader:
    """Open a regular file for reading. Anything else is refused, and nothing hangs.

    Args:
        path: of a user.
        kind: the class of the error.
        follow: whether a symbolic link in the last part of the path is followed; False refuses it.

    Raises:
        kind: there is no such file, it is no regular file or a link that is not followed, or the
            system refuses.
    """
    check_regular(path, kind)  # first, since opening a device may already do something
    extra = getattr(os, "O_NONBLOCK", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    with refusals(path, "cannot be opened", kind):
        try:
            file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | extra))  # noqa: SIM115  # the caller closes it
        except OSError as error:
            if not follow and error.errno == errno.ELOOP:
                raise kind(
                    f"{os.fspath(path)}: is a symbolic link, which is not followed here"
                ) from error
            raise
    try:
        # the path may lead to something else by now
        _refuse_special(path, os.fstat(file.fileno()), kind)
    except BaseException:
        file.close()
        raise
    return file


def read_bytes(
    path: Where, limit: int, kind: ErrorKind = DataError, *, follow: bool = True
) -> bytes:
    """The content of a regular file.

    Args:
        path: of a user.
        limit: the largest size in bytes; no more is ever read.
        kind: the class of the error.
        follow: as for `open_regular`.

    Raises:
        kind: as `open_regular`, or the file is larger than the limit.
    """
    with open_regular(path, kind, follow=follow) as file, refusals(path, "cannot be read", kind):
        data = file.read(limit + 1)
    if len(data) > limit:
        raise kind(
            f"{os.fspath(path)}: is larger than the limit of {limit:,} bytes; this is not what its "
            "name says"
        )
    return data
