"""Looking at and reading a user's files: the one place that opens them, so that nothing hangs and
every refusal is an AuxdriveError.

A path of a user may lead to anything: a pipe that nobody writes into, a device, a folder that may
not be entered, a file of a terabyte. What is no regular file is refused before it is opened, sizes
are capped, and what the system refuses comes out as an `AuxdriveError` that names the path. What is
not there is no error here: `exists` and its like say no.
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

# A path that ends in one of these leads nowhere: a part is missing, is no folder, is a link to
# itself, or is longer than any name.
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EBADF}
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
    """Whatever the system refuses while the block runs becomes an AuxdriveError: "<path>: <what>
    (<the system's reason>)".
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
    """Why the system refused, in its words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def shown(value: object, limit: int = 200) -> str:
    """A value from a file for a message, cut to `limit` characters; also where Python refuses to
    write it out (5,000 digits).
    """
    try:
        text = str(value)
    except ValueError:
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= limit else f"{text[:limit]}..."


def as_text(name: str) -> str:
    """A file's name as text that can be written down: bytes that are no UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _impossible(path: Where) -> bool:
    """Whether no file can have that name: it holds a NUL, or a character that the file system's
    encoding has not.
    """
    try:
        return b"\0" in os.fsencode(path)
    except UnicodeError:
        return True


def _status(path: Where, kind: ErrorKind) -> os.stat_result | None:
    """The status of what the path leads to, None where it leads nowhere."""
    if _impossible(path):
        return None
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise kind(f"{os.fspath(path)}: cannot be looked at ({reason(error)})") from error


def exists(path: Where, kind: ErrorKind = DataError) -> bool:
    """Whether the path leads to anything. Raises `kind` where the system does not tell, for want of
    permission say.
    """
    return _status(path, kind) is not None


def is_folder(path: Where, kind: ErrorKind = DataError) -> bool:
    """Whether the path leads to a folder. Raises as `exists`."""
    status = _status(path, kind)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Where, kind: ErrorKind = DataError) -> bool:
    """Whether the path leads to a regular file: no folder, pipe or device. Raises as `exists`."""
    status = _status(path, kind)
    return status is not None and stat.S_ISREG(status.st_mode)


def entries(folder: Where, kind: ErrorKind = DataError) -> list[Path]:
    """What a folder holds, sorted by name; nothing where there is no such folder.

    Raises:
        kind: it may not be read, or is no folder.
    """
    with refusals(folder, "cannot be listed", kind):
        try:
            return sorted(Path(folder).iterdir())
        except FileNotFoundError:
            return []


def make_folder(folder: Where, kind: ErrorKind = DataError) -> None:
    """Make a folder and those above it; leave one that is there.

    Raises:
        kind: it cannot be made.
    """
    with refusals(folder, "cannot be made", kind):
        Path(folder).mkdir(parents=True, exist_ok=True)


def check_regular(path: Where, kind: ErrorKind = DataError) -> None:
    """Refuse what is no regular file. For libraries that open a path themselves: a pipe would hang
    them.

    Raises:
        kind: no such file, no regular file, or it may not be looked at.
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
    """Open a regular file for reading. What is none is refused and never opened for long enough to
    hang.

    Args:
        follow: False refuses a symbolic link in the last part of the path.

    Raises:
        kind: no such file, no regular file, a link where none is followed, or the system refuses.
    """
    check_regular(path, kind)  # before it is opened: opening a device may already do something
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
        # it may have been changed since it was looked at
        _refuse_special(path, os.fstat(file.fileno()), kind)
    except BaseException:
        file.close()
        raise
    return file


def read_bytes(
    path: Where, limit: int, kind: ErrorKind = DataError, *, follow: bool = True
) -> bytes:
    """The content of a regular file of at most `limit` bytes; no more than that is ever read.

    Raises:
        kind: as `open_regular`, or the file is larger.
    """
    with open_regular(path, kind, follow=follow) as file, refusals(path, "cannot be read", kind):
        data = file.read(limit + 1)
    if len(data) > limit:
        raise kind(
            f"{os.fspath(path)}: is larger than the limit of {limit:,} bytes; this is not what its "
            "name says"
        )
    return data
