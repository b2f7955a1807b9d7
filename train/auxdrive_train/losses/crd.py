"""crd: student and teacher agree on a sample, and not on different ones (Contrastive Representation
Distillation, Tian et al. 2020, equations 10, 18 and 19).

Linear maps bring both networks' features to 128 numbers of length one. A pair of one sample is to
be told from N pairs of it with others: the loss is -log h(pair) - sum log(1 - h(other pair)), in
the mean over the batch, for the student's against the teacher's others and the reverse, where
h = p / (p + N / M), p = exp(dot / 0.07) / Z, and M is the number of training samples. The others
come from a memory of all samples, which follows each by halves, as in the authors' code; the pair
is of the batch, where that has the memory's. Z is M times the mean of exp(dot / 0.07) over random
directions; their code measures it on the first batch, the paper has none. N is 1,024 (there
16,384), drawn with replacement. It is not zero for equal features.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from auxdrive_train.losses.contract import Loss, LossSetup
from auxdrive_train.losses.directions import directions

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output

WIDTH, TEMPERATURE, OTHERS, KEPT = 128, 0.07, 1024, 0.5
MEAN = math.exp(1.0 / (2 * WIDTH * TEMPERATURE**2))


def contrast(pair_b: Tensor, others_bn: Tensor) -> Tensor:
    """The loss of one direction, a scalar: the usual binary cross-entropy, by logits.

    Args:
        pair_b: (B,), dots of each sample's pair.
        others_bn: (B, N), dots of the pairs with others.
    """
    less = math.log(others_bn.shape[1] * MEAN)
    each = nn.functional.softplus(others_bn / TEMPERATURE - less).sum(dim=1)
    return (each + nn.functional.softplus(less - pair_b / TEMPERATURE)).mean()


class CRD(Loss):
    """The loss on features, with its two maps and memories (Tian et al. 2020)."""

    paper = "Tian et al. 2020 (CRD)"
    beta = 0.8
    zero_for_equals = False
    remembers_samples = True
    our_memory: Tensor
    their_memory: Tensor

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        self.ours = nn.Linear(setup.student.features, WIDTH)
        self.theirs = nn.Linear(setup.teacher.features, WIDTH)
        for name in ("our_memory", "their_memory"):
            self.register_buffer(name, directions(torch.randn(setup.samples, WIDTH)))

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`contrast` both ways, after which the memory has seen these samples.

        Args:
            student: with features (B, D of the student).
            teacher: with features (B, D of the teacher).
            batch: with the samples' numbers.
        """
        ours = directions(self.ours(student.features))
        theirs = directions(self.theirs(teacher.features))
        samples, count = max(self.setup.samples, 2), min(OTHERS, max(self.setup.samples - 1, 1))
        shift = torch.randint(1, samples, (len(ours), count)).to(ours.device)
        others = (batch.index[:, None] + shift) % self.setup.samples
        pair, cost = (ours * theirs).sum(dim=1), torch.zeros_like(ours[0, 0])
        for one, other, memory in (
            (ours, theirs, self.their_memory),
            (theirs, ours, self.our_memory),
        ):
            cost = cost + contrast(pair, torch.einsum("bd,bnd->bn", one, memory[others]))
            kept = KEPT * memory[batch.index] + (1.0 - KEPT) * other.detach()
            memory[batch.index] = directions(kept)
        return cost
