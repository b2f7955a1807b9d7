"""`.npy` files: written item by item while they grow, and memory-mapped or loaded after strict
checks.

The format is NumPy's, version 1.0. Since the number of items is known only at the end, the header
is written with spare room at first and rewritten in place then.
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
_ALIGN = 64  # np.save aligns the data to 64 bytes too, so that memory maps are aligned
_LONGEST = 10**15  # the header has room for this many items


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any], length: int | None = None) -> bytes:
    """The header of a `.npy` file in C order.

    Args:
        shape: of the array.
        dtype: of the array.
        length: of the header in bytes, to which it is filled with spaces; by default the next
            multiple of 64.

    Raises:
        ValueError: the header does not fit.
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
    """Writes a `.npy` file item by item. Memory use does not grow with the file.

    Nothing is buffered, so a failure of the disk raises in the call that caused it and never later
    in a destructor.

    Args:
        path: of the file, which must not exist.
        item_shape: of one item.
        dtype: of the items.

    Raises:
        OSError: the disk refuses.
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
        while view.nbytes:  # an unbuffered write may take only a part
            view = view[self._file.write(view) or 0 :]

    def append(self, item: AnyArray) -> None:
        """Write an item of the shape `item_shape` and the type `dtype`. The caller must have
        checked both.
        """
        self.extend(np.asarray(item)[None])

    def extend(self, items: AnyArray) -> None:
        """Write some items, which may be none.

        Args:
            items: (n, *item_shape) of the type `dtype`, as the caller has checked.
        """
        self._write(np.ascontiguousarray(items).reshape(-1).view(np.uint8).data)
        self.items += len(items)

    def finish(self, items: int) -> None:
        """Finish the file: write the number of items into the header, force everything onto the
        disk, and close.

        Args:
            items: how many to keep. An interrupted `append` may have left a part of an item, or an
                item more than another file of the episode has.
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
        """Close without finishing. The caller removes the file."""
        self._file.close()


# What NumPy's parser raises, or warns of where warnings are errors, if bytes are no header.
_PARSER_ERRORS = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, OverflowError, tokenize.TokenError,
    RecursionError, MemoryError, Warning,
)  # fmt: skip


def read_npy_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of a `.npy` file, by its header. No data are read and nothing is unpickled.

    Raises:
        DataError: there is no such file, or it is no `.npy` file, holds pickled objects, is in
            Fortran order, or has another size than its header says.
    """
    with open_regular(path) as file:
        shape, dtype, _ = _checked_header(path, file)
    return shape, dtype


def map_npy(path: Path) -> np.memmap[Any, Any]:
    """The array (any shape) of a `.npy` file, memory-mapped and read-only.

    Raises:
        DataError: as `read_npy_header`, or the array is empty or cannot be mapped.
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
    """The array (any shape) of a `.npy` file, read into memory. It may be empty.

    Raises:
        DataError: as `read_npy_header`, or the file cannot be read.
    """
    with open_regular(path) as file, refusals(path):
        shape, dtype, _ = _checked_header(path, file)
        # of a bytearray, so that the array can be written to
        return np.frombuffer(bytearray(file.read()), dtype).reshape(shape)


def _checked_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype, and the place in the file where the data begin."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what NumPy only warns of is damage as well
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
