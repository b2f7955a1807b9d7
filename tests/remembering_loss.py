"""A loss of somebody else's that needs all that a loss may need: a map of each network, a part that
is trained, a memory of samples by their numbers, and chance.
"""

from __future__ import annotations

import torch
from auxdrive_train.data.batch import Batch
from auxdrive_train.losses.contract import Loss, LossSetup
from auxdrive_train.models.networks import Output
from torch import Tensor, nn

MAP = "stem"


class Remembering(Loss):
    """A regressor on the student's map approaches the teacher's; the student's features approach
    what is remembered of the same sample more than what is remembered of another.
    """

    paper = "a test's own"
    beta = 0.5
    zero_for_equals = False
    remembers_samples = True
    maps = (MAP,)

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        ours, theirs = setup.student, setup.teacher
        self.regressor = nn.Conv2d(ours.maps[MAP], theirs.maps[MAP], 1)
        self.embed = nn.Linear(ours.features, theirs.features)
        self.register_buffer("bank", torch.zeros(setup.samples, theirs.features))

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """Its maps' distance, and how much nearer another sample is than the same."""
        bank, index = self.get_buffer("bank"), batch.index
        apart: Tensor = self.regressor(student.maps[MAP]) - teacher.maps[MAP]
        with torch.no_grad():
            bank[index] = 0.7 * bank[index] + 0.3 * teacher.features
            same, other = bank[index], bank[torch.randint(len(bank), (len(index),))]
        ours = self.embed(student.features)
        gap = (ours - same).square().mean() - 0.5 * (ours - other).square().mean()
        return apart.square().mean() + nn.functional.softplus(gap)
