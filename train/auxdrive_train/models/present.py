"""Encoding the samples that have a modality, when others of the batch lack it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from auxdrive_train.models.maps import NOTHING, Kept


def mean_where(values_b: Tensor, present_b: Tensor) -> Tensor:
    """The mean of values over the samples that have a modality, a scalar; zero where none has.

    Args:
        values_b: (B,).
        present_b: bool (B,), which samples have it.
    """
    present = present_b.to(values_b.dtype)
    return (values_b * present).sum() / present.sum().clamp(min=1)


def of_present(
    module: nn.Module,
    encode: Callable[[Tensor], Tensor],
    frames: Tensor,
    present_b: Tensor,
    kept: Kept = NOTHING,
) -> Tensor:
    """Encode the samples that have a modality; all others get zeros.

    Zero frames of absent samples must not reach `encode`, since they would enter the batch
    statistics of `module`. A single present sample has no batch statistics; in training it is
    normalised by the running statistics, as in evaluation, and does not change them. It is learned
    from like any other sample.

    Args:
        module: what `encode` runs; its batch norms are meant above.
        encode: from frames to (b, ...).
        frames: stored frames (B, ...).
        present_b: bool (B,), which samples have the modality.
        kept: the maps in it get zeros for absent samples, too.

    Returns:
        (B, ...).
    """
    if bool(present_b.all()) and len(frames) > 1:
        return encode(frames)
    rows = torch.nonzero(present_b).flatten()
    if not len(rows):
        with torch.no_grad(), _by_running_statistics(module):
            like = encode(frames[:1])
        kept.change(partial(_zeros_like, count=len(frames)))
        return _zeros_like(like, len(frames))
    # torch cannot index uint16, but it can index the same bits as int16.
    picked = (
        frames.view(torch.int16)[rows].view(torch.uint16)
        if frames.dtype == torch.uint16
        else frames[rows]
    )
    with _by_running_statistics(module) if len(rows) == 1 else nullcontext():
        encoded = encode(picked)

    def in_place(tensor: Tensor) -> Tensor:
        return _zeros_like(tensor, len(frames)).index_copy(0, rows, tensor)

    kept.change(in_place)
    return in_place(encoded)


def _zeros_like(tensor: Tensor, count: int) -> Tensor:
    """Zeros (count, ...) for a tensor (B, ...)."""
    return tensor.new_zeros((count, *tensor.shape[1:]))


@contextmanager
def _by_running_statistics(module: nn.Module) -> Iterator[None]:
    """Put the module in evaluation mode for a while; gradients flow as usual."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
