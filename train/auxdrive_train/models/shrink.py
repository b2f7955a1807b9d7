"""Shrinking big images: means of whole blocks of bytes, from exact sums.

`block_means` is an operator of its own (`torch.ops.auxdrive.block_means`), since torch has none
that adds bytes, and what it does with others (a float copy of the whole frame, four times its size,
and a transposed one) costs most of a vehicle's time on a big camera's frame.
`auxdrive_deploy.byte_shrink` writes it into the graph in the order that costs least there.

Legend: B batch; H, W rows and columns of the frame; C channels; h, w rows and columns of blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MAX_BLOCK = 256
"""Rows and columns of a block at most: the sum of its bytes stays below 2^24, and float32 holds it
exactly.
"""


def block_of(rows: int, columns: int, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the largest blocks that leave an image of rows x columns no smaller than
    `size` (h, w); 1 at least.
    """
    return min(max(rows // size[0], 1), MAX_BLOCK), min(max(columns // size[1], 1), MAX_BLOCK)


@torch.library.custom_op("auxdrive::block_means", mutates_args=())
def block_means(
    frames: Tensor, first: int, last: int, block_rows: int, block_columns: int
) -> Tensor:
    """Means of whole blocks of the rows `first` to `last` (exclusive) of uint8 frames (B, H, W, C):
    float32 (B, C, h, w).

    Rows and columns that fill no block, at the bottom and on the right, are left out.
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
