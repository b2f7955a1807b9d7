"""Messages between the simulator's process and the agent's: JSON, followed by arrays. Nothing is
pickled in either direction.

A message is the length of its head (4 bytes, big-endian), the head in JSON, and the bytes of each
array that the head names.

This module runs in old Pythons too, from 3.7 on, and without auxdrive: `leaderboard_agent` loads it
in the Python of a leaderboard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from auxdrive.types import AnyArray

LONGEST_HEAD = 4 << 20
LARGEST_ARRAY = 1 << 30
_LENGTH_BYTES = 4
NO_ARRAYS: Mapping[str, AnyArray] = {}


class BrokenMessage(Exception):
    """What came through the pipe is not a message."""


def write_message(
    pipe: BinaryIO, body: Mapping[str, Any], arrays: Mapping[str, AnyArray] = NO_ARRAYS
) -> None:
    """Send a message.

    Args:
        pipe: open for writing; the message is flushed.
        body: consists of JSON's types.
        arrays: numbers of any shape and type, by their names.
    """
    listed = [(name, array.dtype.str, array.shape) for name, array in arrays.items()]
    head = json.dumps({"body": body, "arrays": listed}).encode("ascii")
    pipe.write(len(head).to_bytes(_LENGTH_BYTES, "big") + head)
    for array in arrays.values():
        pipe.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    pipe.flush()


def read_message(pipe: BinaryIO) -> tuple[dict[str, Any], dict[str, AnyArray]] | None:
    """Read the next message: its body and its (writable) arrays; None at the end of the pipe.

    Raises:
        BrokenMessage: the message is cut off, or something else was written into the pipe.
    """
    length = pipe.read(_LENGTH_BYTES)
    if not length:
        return None
    size = int.from_bytes(length, "big")
    if len(length) != _LENGTH_BYTES or size > LONGEST_HEAD:
        raise BrokenMessage("the pipe holds something that is no message")
    try:
        head = json.loads(_exactly(pipe, size))
        body, listed = head["body"], head["arrays"]
        arrays = {
            str(name): _array(pipe, np.dtype(kind), tuple(shape)) for name, kind, shape in listed
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BrokenMessage(f"the pipe holds something that is no message ({error})") from error
    if not isinstance(body, dict):
        raise BrokenMessage("the pipe holds something that is no message")
    return body, arrays


def _array(pipe: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> AnyArray:
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    if dtype.hasobject or not 0 <= size <= LARGEST_ARRAY:
        raise BrokenMessage(f"no array that is sent has {dtype} {shape}")
    # A bytearray makes the array writable, since agents normalise images in place.
    return np.frombuffer(bytearray(_exactly(pipe, size)), dtype).reshape(shape)


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    data = pipe.read(size)
    if len(data) != size:
        raise BrokenMessage("the message is cut off")
    return data
