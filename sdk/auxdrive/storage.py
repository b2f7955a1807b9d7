"""Files that are whole or not there: streamed `.npy` files, checked memory maps, atomic
replacement.

The `.npy` format (version 1.0) is NumPy's; a stream writes its header with room to spare, because
the number of frames is known only at the end, and rewrites it in place when it is.
"""

from __future__ import annotations

import errno
import math
import os
import secrets
import stat
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from auxdrive.errors import DataError, UsageError
from auxdrive.files import (
    check_regular,
    entries,
    exists,
    is_folder,
    make_folder,
    open_regular,
    reason,
    refusals,
    shown,
)
from auxdrive.types import AnyArray

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGN = 64  # np.save aligns the data to 64 bytes, so that memory maps are aligned as well
_LONGEST = 10**15  # the header has room for this many frames


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any], length: int | None = None) -> bytes:
    """The header of a C-ordered `.npy` file, padded with spaces to `length` bytes (default: the
    next multiple of 64).
    """
    text = repr(
        {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    ).encode("latin1")
    bare = len(_MAGIC) + 2 + len(text) + 1
    total = math.ceil(bare / _ALIGN) * _ALIGN if length is None else length
    if total < bare or total - len(_MAGIC) - 2 > 0xFFFF:
        raise ValueError(f"a header of {bare} bytes does not fit into {total}")
    body = text + b" " * (total - bare) + b"\n"
    return _MAGIC + len(body).to_bytes(2, "little") + body


class NpyStream:
    """A `.npy` file that grows by one item at a time; its memory use does not grow with it.

    Unbuffered: every failure of the disk shows in the call that caused it, never later in a
    destructor.
    """

    def __init__(self, path: Path, item_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.item_shape = item_shape
        self.dtype = dtype
        self.items = 0
        self._header_length = len(npy_header((_LONGEST, *item_shape), dtype))
        self._file = path.open("xb", buffering=0)
        try:
            self._write(npy_header((0, *item_shape), dtype, self._header_length))
        except BaseException:
            self._file.close()
            raise

    def _write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view.nbytes:  # a raw write may take a part only
            view = view[self._file.write(view) or 0 :]

    def append(self, item: AnyArray) -> None:
        """Write one item of shape `item_shape` and type `dtype` (the caller has checked both)."""
        self._write(np.ascontiguousarray(item).reshape(-1).view(np.uint8).data)
        self.items += 1

    def finish(self, items: int) -> None:
        """Keep the first `items`, write their number into the header, force everything onto the
        disk, and close.

        An interrupted `append` may have left a part of an item, or one item more than another
        stream has.
        """
        self.items = items
        self._file.truncate(
            self._header_length + items * math.prod(self.item_shape) * self.dtype.itemsize
        )
        self._file.seek(0)
        self._write(npy_header((self.items, *self.item_shape), self.dtype, self._header_length))
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close without finishing; the caller removes the file."""
        self._file.close()


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


LOCK_NAME = ".auxdrive.lock"


@contextmanager
def held(folder: Path, *, beside: bool = False) -> Iterator[None]:
    """Hold a folder while the block runs, so that no second process fills it. A process that is
    killed lets go.

    The folder is made where there is none, and removed again when nothing was put into it. An empty
    lock file stays behind in it; it holds nobody up (the lock is the system's, not the file). Where
    the file system has no locks, as some network shares, that is said on standard error and nothing
    is held.

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
    from auxdrive import console  # needs what the library itself does not

    console.note(
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


# What NumPy's header parser raises, or warns of where warnings are errors, on bytes that are no
# header.
_PARSER_ERRORS = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, OverflowError, tokenize.TokenError,
    RecursionError, MemoryError, Warning,
)  # fmt: skip


def read_npy_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of a `.npy` file whose size agrees with its header. Nothing is unpickled, no
    data is read.

    Raises:
        DataError: no such file, no `.npy` file, pickled objects, Fortran order, truncated or too
            long.
    """
    with open_regular(path) as file:
        shape, dtype, _ = _checked_header(path, file)
    return shape, dtype


def map_npy(path: Path) -> np.memmap[Any, Any]:
    """The array of a `.npy` file, memory-mapped and read-only, after the checks of
    `read_npy_header`.

    Raises:
        DataError: as `read_npy_header`, or the file is empty or cannot be mapped.
    """
    with open_regular(path) as file:
        shape, dtype, start = _checked_header(path, file)
        if math.prod(shape) * dtype.itemsize == 0:
            raise DataError(f"{path}: holds nothing (shape {shape} of {dtype})")
        try:
            return np.memmap(file, dtype=dtype, mode="r", offset=start, shape=shape)
        except (OSError, ValueError, OverflowError) as error:
            raise DataError(f"{path}: cannot be memory-mapped ({error})") from error


def load_npy(path: Path) -> AnyArray:
    """The array of a `.npy` file in memory, after the checks of `read_npy_header`: for small ones,
    that may be empty.

    Raises:
        DataError: as `read_npy_header`, or it cannot be read.
    """
    with open_regular(path) as file, refusals(path):
        shape, dtype, _ = _checked_header(path, file)
        # a bytearray: what is made of it can be written
        return np.frombuffer(bytearray(file.read()), dtype).reshape(shape)


def _checked_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype, and where the data starts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what NumPy only warns of is damage too
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            elif version == (2, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
            else:
                raise ValueError(
                    f"version {version[0]}.{version[1]} is not supported, write version 1.0"
                )
        start = file.tell()
        size = os.fstat(file.fileno()).st_size
    except _PARSER_ERRORS as error:
        raise DataError(f"{path}: not a readable .npy file ({shown(error)})") from error
    if dtype.hasobject:
        raise DataError(
            f"{path}: holds pickled Python objects, which are never loaded; store numbers"
        )
    if fortran and len(shape) > 1:
        raise DataError(f"{path}: is in Fortran order; frames are stored in C order")
    if any(not 0 <= extent < _LONGEST for extent in shape):
        raise DataError(f"{path}: the header has an extent that no array has: {shown(shape)}")
    expected = start + math.prod(shape) * dtype.itemsize
    if size != expected:
        what = "truncated" if size < expected else "longer than its header says"
        raise DataError(
            f"{path}: {what} ({size:,} bytes, the header of shape {shape} needs {expected:,})"
        )
    return shape, dtype, start
