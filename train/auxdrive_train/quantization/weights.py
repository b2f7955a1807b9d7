"""Whole numbers of 8 bits, symmetric about zero: their limits, and the scales of weights.

Legend: K outputs of a layer.
"""

from __future__ import annotations

import numpy as np
import torch
from auxdrive.types import AnyArray
from torch import Tensor
from torch.autograd.function import FunctionCtx

LARGEST = 127
"""The largest whole number; -127 is the least weight, so that weights are symmetric."""
LEAST = -128
"""The least whole number of a map."""
LEAST_SCALE = 1e-12


def scale_of(largest: float) -> AnyArray:
    """The scale of a map, float32 without axes.

    Args:
        largest: the absolute value that `LARGEST` stands for.
    """
    return np.array(max(largest / LARGEST, LEAST_SCALE), np.float32)


def quantised_weights(weights: AnyArray, axis: int) -> tuple[AnyArray, AnyArray]:
    """Weights as whole numbers, symmetric, with a scale for each output.

    Args:
        weights: float32.
        axis: that numbers the outputs.

    Returns:
        int8 of the same shape, and float32 with one number for each output.
    """
    others = tuple(place for place in range(weights.ndim) if place != axis)
    scales = np.maximum(np.abs(weights).max(axis=others) / LARGEST, LEAST_SCALE).astype(np.float32)
    shape = [1] * weights.ndim
    shape[axis] = -1
    whole = np.rint(weights / scales.reshape(shape)).clip(-LARGEST, LARGEST)
    return whole.astype(np.int8), scales


def weight_scales(weights: Tensor) -> Tensor:
    """The scales of `quantised_weights` for weights of torch, whose first axis numbers the outputs.

    Args:
        weights: (K, ...).

    Returns:
        (K, 1, ...), without gradient.
    """
    largest = weights.detach().abs().flatten(1).max(dim=1).values
    scales = (largest / LARGEST).clamp(min=LEAST_SCALE)
    return scales.reshape(-1, *[1] * (weights.ndim - 1))


def rounded(values: Tensor, scales: Tensor, least: int) -> Tensor:
    """Values as whole numbers and back: what QuantizeLinear and DequantizeLinear make of them.

    The gradient passes where a value is not cut off, as if nothing was rounded (straight-through
    estimator; Bengio et al. 2013, "Estimating or Propagating Gradients Through Stochastic
    Neurons").

    Args:
        values: of any shape.
        scales: that one whole number stands for; they broadcast to the values.
        least: the least whole number.
    """
    made: Tensor = _Rounded.apply(values, scales, least)  # type: ignore[no-untyped-call]
    return made


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, scales: Tensor, least: int) -> Tensor:
        whole = torch.round(values / scales)
        ctx.save_for_backward((whole >= least) & (whole <= LARGEST))
        return whole.clamp_(least, LARGEST).mul_(scales)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (within,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradients[0] * within, None, None
