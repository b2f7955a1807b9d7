"""`.npy` files: streamed while they grow, and memory-mapped or loaded after strict checks.

The `.npy` format (version 1.0) is NumPy's; a stream writes its header with room to spare, because
the number of frames is known only at the end, and rewrites it in place when it is.
"""

from __future__ import annotations

import math
import os
import tokenize
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from auxdrive.errors import DataError
from auxdrive.storage.reading import open_regular, refusals, shown
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
