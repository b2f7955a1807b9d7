"""How the exported graph shrinks a large camera's image: `auxdrive_train.models.shrink.block_means`
in ONNX, in one of two orders that give the same result.

Bytes first: strips of the image are cut out as bytes, and `MatMulInteger` with a row of ones adds
up the rows of each block, so that nothing of the whole frame's size is made. A frame of 1920 x 1080
takes 1.3 ms and 7 MiB this way; torch's own order (cast, transpose, pool) takes 47 ms and 99 MiB.
Others, measured in the same run: sums in float, strip by strip, 3 ms; ConvInteger 11 ms; cast and
Conv 10 ms and 52 MiB; cast to bfloat16, then strips, 23 ms and 28 MiB. (`benchmarks/camera_size.py`
measures the current graph.)

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
from onnxscript import opset20 as op
from onnxscript.onnx_types import FLOAT, UINT8

SMALL_BYTES = 256 * 1024
"""Frames up to this size (320 x 240) are always cast first."""
STRIP_BYTES = 512 * 1024
"""Size of a strip: it stays in a processor's second cache while it is added up."""
MOST_STRIPS = 48


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
    rows, blocks_across = (last - first) // block_rows, columns // block_columns
    ones = _constant(np.ones((1, block_rows), np.uint8))
    sums: list[Any] = []
    for begin, end in _strips(rows, block_rows * columns * channels):
        strip = op.Slice(
            frames, _whole(first + begin * block_rows), _whole(first + end * block_rows), _whole(1)
        )
        of_rows: Any = op.MatMulInteger(
            ones, op.Reshape(strip, _whole(-1, end - begin, block_rows, columns * channels))
        )  # int32 (N, h of the strip, 1, W * C)
        if columns % block_columns:
            of_rows = op.Slice(
                of_rows, _whole(0), _whole(blocks_across * block_columns * channels), _whole(3)
            )
        # at once, while they are in the cache
        across = op.Reshape(
            of_rows, _whole(-1, end - begin, blocks_across, block_columns, channels)
        )
        sums.append(op.ReduceSum(across, _whole(3), keepdims=0))
    of_blocks: Any = op.Concat(*sums, axis=1) if len(sums) > 1 else sums[0]
    of_blocks = op.Transpose(of_blocks, perm=[0, 3, 1, 2])
    return op.Div(
        op.Cast(of_blocks, to=onnx.TensorProto.FLOAT),
        _constant(np.float32(block_rows * block_columns)),
    )


def _size(frames: Any) -> tuple[int, int, int]:
    """(H, W, C) of the frames that are exported."""
    height, columns, channels = (int(axis) for axis in frames.shape[1:])
    return height, columns, channels


def _strips(rows: int, bytes_of_row: int) -> list[tuple[int, int]]:
    """The first row of blocks of each strip, and the row after its last."""
    each = max(STRIP_BYTES // bytes_of_row, -(-rows // MOST_STRIPS), 1)
    return [(begin, min(begin + each, rows)) for begin in range(0, rows, each)]


def _whole(*numbers: int) -> Any:
    return _constant(np.array(numbers, np.int64))


def _constant(value: Any) -> Any:
    return op.Constant(
        value=onnx.numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)))
    )
