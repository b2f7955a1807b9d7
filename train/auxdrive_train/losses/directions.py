"""Directions of vectors, without the pole at length 0, for the losses that compare them.

The direction of a vector that is next to nothing is undefined. Usual code normalises it anyway and
so multiplies rounding noise by up to 10^12. Here a vector shorter than a hundredth of the mean
length is divided by that hundredth, not by its own length: its direction fades with its length, and
its gradient is at most a hundred times those of others. If nearly all have collapsed to nothing, a
small fixed length takes the place of the mean.
"""

from __future__ import annotations

import torch
from torch import Tensor

# As a share of the mean length: the direction of a shorter vector means nothing.
SHORTEST = 0.01
# Keeps the square root differentiable at a length of zero.
EPSILON = 1e-12
# Below this, the mean length is rounding noise (float32 features of the order of one).
SMALLEST_MEAN = 1e-4


def directions(vectors: Tensor) -> Tensor:
    """Vectors (N, D) divided by their lengths, or by a hundredth of the mean length where they are
    shorter.

    Args:
        vectors: of the order of one.
    """
    squared = vectors.pow(2).sum(dim=-1)
    mean = squared.clamp(min=EPSILON).sqrt().mean().clamp(min=SMALLEST_MEAN)
    return along(vectors, squared, mean)


def along(vectors: Tensor, squared: Tensor, mean: Tensor) -> Tensor:
    """Vectors (..., D) divided by their lengths, or by a hundredth of a mean where they are
    shorter.

    Args:
        vectors: whose directions are wanted.
        squared: (...), their squared lengths.
        mean: the mean length, a scalar above zero.
    """
    # First the larger of the squares, then its root: the root of zero has an infinite slope.
    return vectors / torch.maximum(squared, (SHORTEST * mean).square()).sqrt().unsqueeze(-1)
