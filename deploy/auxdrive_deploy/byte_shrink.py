"""How the exported graph shrinks a large camera's image: `auxdrive_train.models.shrink.block_means`
in ONNX, in one of two orders that give the same result.

Bytes first: strips of the image are cut out as bytes. `MatMulInteger` with ones adds up the bytes
of each row that belong to one block, a few blocks at a time, and the rows of a block are added up
while the strip is in the cache: nothing of the whole frame's size is made. A frame of 1280 x 720
takes 0.8 ms this way and 1.5 ms the other way round (rows first by `MatMulInteger`, then columns);
torch's own order (cast, transpose, pool) takes many times as long and as much memory.
(`benchmarks/camera_size.py` measures the current graph.)

Cast first: TensorRT accepts bytes only as the input of Cast, so the whole frame becomes float
before anything else. This order is used if asked for, and for small images: there it costs nothing,
and every runtime accepts the graph.

Legend: N frames, H, W rows and columns of the camera, C channels, h, w rows and columns of blocks.
"""

# No `from __future__ import annotations`: torch's exporter reads the types of these functions'
# parameters.

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import auxdrive_train.models.shrink  # noqa: F401 - declares the operator
import numpy as np
import onnx
import torch
from auxdrive.types import AnyArray
from onnxscript import opset20 as op
from onnxscript.onnx_types import FLOAT, UINT8

SMALL_BYTES = 256 * 1024
"""Frames up to this size (320 x 240) are always cast first."""
STRIP_BYTES = 512 * 1024
"""Size of a strip: it stays in a processor's second cache while it is added up."""
MOST_STRIPS = 48
MOST_TOGETHER = 8
"""As many blocks side by side make a matrix that processors multiply by fastest."""


def translations(cast_first: bool) -> Mapping[Any, Callable[..., Any]]:
    """What torch's exporter writes for our own operators.

    Args:
        cast_first: the order of large images; see above.
    """
    return {
        torch.ops.auxdrive.block_means.default: _for_every_runtime if cast_first else _at_least_cost
    }


def _for_every_runtime(
    frames: UINT8, first: int, last: int, block_rows: int, block_columns: int
) -> FLOAT:
    return cast(FLOAT, _cast_first(frames, first, last, block_rows, block_columns))


def _at_least_cost(
    frames: UINT8, first: int, last: int, block_rows: int, block_columns: int
) -> FLOAT:
    write = _cast_first if math.prod(_size(frames)) <= SMALL_BYTES else _bytes_first
    return cast(FLOAT, write(frames, first, last, block_rows, block_columns))


def _cast_first(frames: Any, first: int, last: int, block_rows: int, block_columns: int) -> Any:
    values: Any = op.Cast(frames, to=onnx.TensorProto.FLOAT)
    values_nchw: Any = op.Transpose(values, perm=[0, 3, 1, 2])
    cropped: Any = op.Slice(values_nchw, _whole(first), _whole(last), _whole(2))
    return op.AveragePool(
        cropped, kernel_shape=[block_rows, block_columns], strides=[block_rows, block_columns]
    )


def _bytes_first(frames: Any, first: int, last: int, block_rows: int, block_columns: int) -> Any:
    _, columns, channels = _size(frames)
    rows, across = (last - first) // block_rows, columns // block_columns
    sums: list[Any] = []
    for begin, end in _strips(rows, block_rows * columns * channels):
        # Both axes are named, also where all columns are used: ONNX Runtime makes one Split of
        # slices along a single axis, which copies the whole frame at once.
        strip = op.Slice(
            frames,
            _whole(first + begin * block_rows, 0),
            _whole(first + end * block_rows, across * block_columns),
            _whole(1, 2),
        )
        together = _together((end - begin) * block_rows * across)
        of_rows: Any = op.MatMulInteger(
            op.Reshape(strip, _whole(-1, together * block_columns * channels)),
            _constant(_adds_up(together, block_columns, channels)),
        )  # int32, for each row of pixels the sums of its blocks
        by_block: Any = op.Reshape(of_rows, _whole(-1, end - begin, block_rows, across * channels))
        floats: Any = op.Cast(by_block, to=onnx.TensorProto.FLOAT)  # whole numbers below 2^24
        sums.append(op.ReduceSum(floats, _whole(2), keepdims=0))
    of_blocks: Any = op.Concat(*sums, axis=1) if len(sums) > 1 else sums[0]
    of_blocks = op.Reshape(of_blocks, _whole(-1, rows, across, channels))
    return op.Div(
        op.Transpose(of_blocks, perm=[0, 3, 1, 2]),
        _constant(np.float32(block_rows * block_columns)),
    )


def _together(count: int) -> int:
    """How many blocks' rows one row of `MatMulInteger` adds up.

    Args:
        count: of all in a strip; the result divides it.
    """
    return max(some for some in range(1, MOST_TOGETHER + 1) if count % some == 0)


def _adds_up(together: int, columns: int, channels: int) -> AnyArray:
    """The matrix of ones and zeros that adds up the pixels of some blocks' rows, channel by
    channel, int8 (blocks * columns * channels, blocks * channels).

    Args:
        together: the number of blocks.
        columns: of a block.
        channels: of a pixel.
    """
    of_pixel = np.eye(together * channels, dtype=np.int8).reshape(together, 1, channels, -1)
    return np.tile(of_pixel, (1, columns, 1, 1)).reshape(together * columns * channels, -1)


def _size(frames: Any) -> tuple[int, int, int]:
    """(H, W, C) of the frames that are exported."""
    height, columns, channels = (int(axis) for axis in frames.shape[1:])
    return height, columns, channels


def _strips(rows: int, bytes_of_row: int) -> list[tuple[int, int]]:
    """The first row of blocks of each strip, and the row after its last."""
    each = max(STRIP_BYTES // bytes_of_row, -(-rows // MOST_STRIPS), 1)
    if each > MOST_TOGETHER:
        each -= each % MOST_TOGETHER
    return [(begin, min(begin + each, rows)) for begin in range(0, rows, each)]


def _whole(*numbers: int) -> Any:
    return _constant(np.array(numbers, np.int64))


def _constant(value: Any) -> Any:
    return op.Constant(
        value=onnx.numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)))
    )
