"""Shrinking large images: exact means of whole blocks of bytes.

`block_means` is an operator of its own (`torch.ops.auxdrive.block_means`). torch cannot add up
bytes: with its own operators it would first copy the whole frame to float, four times the size, and
then transpose the copy. On a large camera's image that takes most of a vehicle's time. In exported
graphs, `auxdrive_deploy.byte_shrink` writes the operator in the order that is fastest there.

Legend: B batch; H, W rows and columns of the frame; C channels; h, w rows and columns of blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MAX_BLOCK = 256
"""Largest number of rows and columns of a block: the sum of its bytes stays below 2^24, so that
float32 holds it exactly.
"""


def block_of(rows: int, columns: int, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the largest blocks whose means form an image no smaller than `size`; at
    least 1.

    Args:
        rows: of the image.
        columns: of the image.
        size: the smallest result, (h, w).
    """
    return min(max(rows // size[0], 1), MAX_BLOCK), min(max(columns // size[1], 1), MAX_BLOCK)


@torch.library.custom_op("auxdrive::block_means", mutates_args=())
def block_means(
    frames: Tensor, first: int, last: int, block_rows: int, block_columns: int
) -> Tensor:
    """Means of whole blocks of bytes, float32 (B, C, h, w). Rows at the bottom and columns on the
    right that do not fill a block are left out.

    Args:
        frames: uint8 (B, H, W, C).
        first: first row that is used.
        last: row after the last that is used.
        block_rows: rows of a block.
        block_columns: columns of a block.
    """
    values_bchw = frames[:, first:last].to(torch.float32).permute(0, 3, 1, 2)
    sums = functional.avg_pool2d(values_bchw, (block_rows, block_columns), divisor_override=1)
    return (sums / (block_rows * block_columns)).contiguous()


@block_means.register_fake
def _shape(frames: Tensor, first: int, last: int, block_rows: int, block_columns: int) -> Tensor:
    batch, _, columns, channels = frames.shape
    return frames.new_empty(
        (batch, channels, (last - first) // block_rows, columns // block_columns),
        dtype=torch.float32,
    )
