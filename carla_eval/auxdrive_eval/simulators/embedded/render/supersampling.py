"""The RGB image from one that was drawn larger, since the rasteriser has no antialiasing.

Legend: H, W rows and columns of the image.
"""

from __future__ import annotations

import numpy as np
from auxdrive.types import AnyArray, UInt8

SUPERSAMPLE = 2
"""Each pixel of the image is the mean of a block of drawn pixels with this side."""
_RED_BLUE, _GREEN = np.uint64(0x00FF00FF_00FF00FF), np.uint64(0x0000FF00_0000FF00)


def shrink(drawn: AnyArray) -> UInt8:
    """RGB (H, W, 3) from 0xAARRGGBB (2H, 2W), whose row 0 is at the bottom: the mean of each 2 x 2
    block.

    Two channels are added at a time: red and blue have eight free bits above them, so sums of four
    of each fit in one 32-bit word.
    """
    height, width = drawn.shape[0] // SUPERSAMPLE, drawn.shape[1] // SUPERSAMPLE
    # Two pixels in a word of 64 bits, for half as many sums from row to row.
    pairs = drawn.view(np.uint64)
    image = np.empty((3, height, width), dtype=np.uint8)
    red_blue = _sums(pairs, _RED_BLUE) + np.uint32(0x020002)
    red_blue >>= np.uint32(2)
    green = _sums(pairs, _GREEN) + np.uint32(0x000200)
    green >>= np.uint32(10)
    # bytes of words, as the images are stored in the order of small computers
    image[0] = red_blue.view(np.uint8)[::-1, 2::4]
    image[1] = green.view(np.uint8)[::-1, ::4]
    image[2] = red_blue.view(np.uint8)[::-1, ::4]
    return np.moveaxis(image, 0, -1)


def _sums(pairs: AnyArray, channels: np.uint64) -> AnyArray:
    """The sum of each 2 x 2 block of pixels, uint32 (H, W), of the channels that a mask leaves.

    Args:
        pairs: two pixels in each word, uint64 (2H, W).
        channels: the mask of both pixels.
    """
    rows = pairs[0::2] & channels
    rows += pairs[1::2] & channels
    pixels = rows.view(np.uint32)
    return pixels[:, 0::2] + pixels[:, 1::2]
