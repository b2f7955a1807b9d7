"""factor: the student's map says what the gist of the teacher's says (Factor Transfer, FT, Kim et
al. 2018, equations 1 to 3).

A paraphraser, an autoencoder, squeezes the teacher's last map into half of its channels, the
factors; a translator makes as many of the student's. Each is divided by its length, and the loss is
the mean absolute difference, as in torchdistill; equation 3 has the sum, and RepDistiller compares
squares summed over channels. The larger map is averaged. It is not zero for equal maps.

The paper trains the paraphraser first and then leaves it. Here the teacher may change while it
teaches (SAMD), so the paraphraser learns beside the student, from the squared error of what it
restores alone (equation 1), which over beta is part of the loss. All have three convolutions of 3x3
with leaky ReLUs, as in the paper, and no batch norm, which has a pole where maps have collapsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from auxdrive_train.losses.contract import Loss, LossSetup
from auxdrive_train.losses.directions import directions
from auxdrive_train.losses.shared_maps import pooled, shared_maps

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output

FACTORS, LEAK = 0.5, 0.1  # the first as a share of the teacher's channels


def factor(student_bchw: Tensor, teacher_bchw: Tensor) -> Tensor:
    """The loss on factors of one shape, a scalar.

    Args:
        student_bchw: of the student.
        teacher_bchw: of the teacher.
    """
    return (directions(student_bchw.flatten(1)) - directions(teacher_bchw.flatten(1))).abs().mean()


class Factor(Loss):
    """The loss on the last map that student and teacher both have (Kim et al. 2018)."""

    paper = "Kim et al. 2018 (FT)"
    beta = 200.0
    zero_for_equals = False

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        self.maps = shared_maps("factor", setup, at_least=1)[-1:]
        ours, theirs = (each.maps[self.maps[0]] for each in (setup.student, setup.teacher))
        factors = max(round(FACTORS * theirs), 1)
        self.translator = _convolutions(ours, factors, factors)
        self.paraphraser = _convolutions(theirs, theirs, factors)
        self.restoring = _convolutions(factors, theirs, theirs)

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`factor`, and what the paraphraser still learns.

        Args:
            student: with its maps.
            teacher: with its maps.
            batch: is not used.
        """
        del batch
        ours, theirs = pooled(student.maps[self.maps[0]], teacher.maps[self.maps[0]])
        factors = self.paraphraser(theirs)
        restored: Tensor = (self.restoring(factors) - theirs).square().mean()
        return factor(self.translator(ours), factors.detach()) + restored / self.beta


def _convolutions(first: int, middle: int, last: int) -> nn.Sequential:
    """Three of them, 3x3."""
    widths = ((first, middle), (middle, last), (last, last))
    layers = [nn.Sequential(nn.Conv2d(*w, 3, padding=1), nn.LeakyReLU(LEAK)) for w in widths]
    return nn.Sequential(*layers)
