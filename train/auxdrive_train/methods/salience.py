"""Which channels of a modality are modality-general: they decide what two modalities tell alike
(Modality Focusing Hypothesis, MFH; Xue et al. 2023, Algorithm 1).

Legend: N samples, C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["general", "specific", "random", "regular"]
"""Kinds of teachers, by the channels that are nullified: those of the smallest salience, those of
the largest, drawn ones, and none.
"""


def salience(
    channels_nc: Tensor,
    encode: Callable[[Tensor], Tensor],
    other_nd: Tensor,
    permutations: int,
) -> Tensor:
    """By channel, how far the features are from those of the other modality once the channel is
    permuted over the samples: (C,), divided by the largest. The greater, the more modality-general
    is the channel.

    Args:
        channels_nc: (N, C, ...), inputs or maps of one modality.
        encode: from these to features (N, D).
        other_nd: features (N, D) of the same samples, by the other modality's network, which was
            trained to have the same.
        permutations: M, how many permutations are drawn of each channel, always the same ones.
    """
    lots = torch.Generator().manual_seed(0)
    found = []
    with torch.no_grad():
        for channel in range(channels_nc.shape[1]):
            total = 0.0
            for _ in range(permutations):
                order = torch.randperm(len(channels_nc), generator=lots).to(channels_nc.device)
                changed = channels_nc.clone()
                changed[:, channel] = channels_nc[order, channel]
                total += float((encode(changed) - other_nd).square().sum(dim=1).mean())
            found.append(total / permutations)
    distances = torch.tensor(found)
    return distances / distances.max().clamp(min=1e-12)


def kept_channels(salience_c: Tensor, kind: Kind, share: float) -> Tensor:
    """1 for each channel that a teacher keeps, 0 for those that are nullified: (C,).

    Args:
        salience_c: (C,).
        kind: of the teacher.
        share: r, which share of the channels is nullified; at least one stays.
    """
    count = len(salience_c)
    nullified = 0 if kind == "regular" else min(round(share * count), count - 1)
    if kind == "random":
        order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    else:
        order = torch.argsort(salience_c, descending=kind == "specific", stable=True)
    mask = torch.ones(count)
    mask[order[:nullified]] = 0.0
    return mask
