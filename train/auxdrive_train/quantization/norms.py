"""Batch norm in a fake-quantised student: a part of the layer before it, as in exported graphs.

Its running statistics are used in training, too, so that training computes what is exported. They
follow the batches as they do in any training; its scale and shift are trained.

Legend: B batch, K outputs of the layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class JoinedNorm:
    """A batch norm as a part of the layer before it.

    Args:
        norm: the batch norm; its running statistics are used.
        bias: of the layer.

    Attributes:
        factor: (K,), that multiplies the weights of each output.
        shift: (K,), the bias of both together.
    """

    def __init__(self, norm: nn.Module, bias: Tensor | None) -> None:
        assert isinstance(norm, _BatchNorm)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        self._norm = norm
        self._mean, self._variance = norm.running_mean, norm.running_var
        self.factor = 1 / torch.sqrt(self._variance + norm.eps)
        if norm.affine:
            self.factor = self.factor * norm.weight
        shift = -self._mean if bias is None else bias - self._mean
        self.shift = shift * self.factor
        if norm.affine:
            self.shift = self.shift + norm.bias

    def weights(self, weights: Tensor) -> Tensor:
        """The weights of both together.

        Args:
            weights: of the layer, (K, ...).
        """
        return weights * self.factor.reshape(-1, *[1] * (weights.ndim - 1))

    @torch.no_grad()
    def follow(self, made: Tensor) -> None:
        """Move the running statistics towards those of a batch, as batch norm does in training.

        Args:
            made: what both together have given, (B, K, ...).
        """
        others = [axis for axis in range(made.ndim) if axis != 1]
        factor, norm = self.factor.detach(), self._norm
        # What was given before the batch norm; nothing is known of it where the factor is zero.
        mean = (made.mean(others) - (norm.bias if norm.affine else 0)) / factor + self._mean
        variance = made.var(others) / factor.square()
        step = 0.1 if norm.momentum is None else norm.momentum
        for running, found in ((self._mean, mean), (self._variance, variance)):
            running.copy_(torch.where(factor == 0, running, torch.lerp(running, found, step)))


@contextmanager
def held_norms(network: nn.Module) -> Iterator[set[nn.Module]]:
    """Batch norms use their running statistics, and do not count or change anything themselves.
    Gives those whose statistics would have followed the batches.

    Args:
        network: whose batch norms are meant.
    """
    training: set[nn.Module] = {
        each for each in network.modules() if isinstance(each, _BatchNorm) and each.training
    }
    for each in training:
        each.eval()
    try:
        yield training
    finally:
        for each in training:
            each.train()
