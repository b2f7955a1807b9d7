"""Reading `.npy` files that nobody vouches for: nothing is unpickled, and no memory is allocated
because a header asks for it.
"""

from __future__ import annotations

import io
import math
import tokenize
import warnings
from typing import Any

import numpy as np

from auxdrive.bundles.files import AGAIN
from auxdrive.errors import BundleError
from auxdrive.types import AnyArray

# What NumPy raises for a damaged header. What it only warns of is damage too.
_NPY_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    SyntaxError,
    OverflowError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
    Warning,
)


def parse_npy(data: bytes, where: str) -> AnyArray:
    """The array (any shape) in the bytes of a `.npy` file. The header is compared with the amount
    of data before memory is allocated.

    Args:
        data: the bytes.
        where: names the file in messages.

    Raises:
        BundleError: it is no `.npy` file, holds Python objects, or has more or less data than its
            header says.
    """
    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            shape, fortran, dtype = _npy_header(stream)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        held = len(data) - stream.tell()
        if any(axis < 0 for axis in shape) or math.prod(shape) * dtype.itemsize != held:
            raise ValueError(f"its header says {shape} of {dtype}, it holds {held} bytes")
        flat = np.frombuffer(data, dtype=dtype, offset=stream.tell(), count=math.prod(shape))
        return flat.reshape(shape, order="F" if fortran else "C")
    except _NPY_ERRORS as error:
        raise BundleError(f"{where}: not a readable .npy array: {error}. {AGAIN}") from None


def _npy_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of the format")
