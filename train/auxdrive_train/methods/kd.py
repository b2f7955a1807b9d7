"""kd: plain cross-modal distillation from one fixed teacher (Hinton, Vinyals and Dean 2015; across
modalities: Gupta, Hoffman and Malik 2016), as papers compare their methods with.

First the teacher trains on the labels, from the main modality and the auxiliaries, as long as
`--method teacher` trains it. Then it is frozen as it was after its best epoch, and the student
trains on the labels and by the distillation loss. Teacher and student share nothing: this is what
SAMD's reset, rounds and shared head are measured against.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from auxdrive_train.methods.contract import STUDENT, TEACHER
from auxdrive_train.methods.phases import Phase, PhaseRecord, following
from auxdrive_train.methods.taught import DISTILLATION, TaughtStudent
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.networks import SingleNetwork


class KD(TaughtStudent):
    """Teacher, then student, `epochs` epochs each."""

    name = "kd"
    summary = "one teacher of all modalities is trained, frozen, and teaches the student"
    paper = "Hinton et al. 2015; Gupta et al. 2016"

    def networks(self) -> nn.ModuleDict:
        """The student, and a teacher with a head of its own."""
        return nn.ModuleDict(
            {
                STUDENT: SingleNetwork(self.setup.main, self.setup.build),
                TEACHER: FusedNetwork(self.setup.main, self.setup.auxiliaries, self.setup.build),
            }
        )

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The teacher, then the student."""
        epochs = self.setup.epochs
        phases = (
            Phase(TEACHER, (TEACHER,), epochs, self.teacher_loss, watch=TEACHER),
            Phase(STUDENT, (STUDENT, DISTILLATION), epochs, self.student_loss, watch=STUDENT),
        )
        return following(phases, history)
