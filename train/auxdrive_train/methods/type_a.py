"""type_a: main modality and auxiliaries are fused in one network, of which the main branch alone
runs in the test (AML, section 4.1, architecture A).

The fusion is the teacher's of type D, a sum after the stems; the student is that network with
nothing added. It is trained with everything, so that in the test it meets what it has never seen:
maps without the auxiliaries' part.
"""

from __future__ import annotations

from torch import nn

from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.switched_off import FUSED, SwitchedOff
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.networks import SingleNetwork


class TypeA(SwitchedOff):
    """One fused network; the student is its main branch (AML, architecture A)."""

    name = "type_a"
    summary = "one fused network whose auxiliary branches are off in the test"
    paper = "AML section 4.1, architecture A"

    def networks(self) -> nn.ModuleDict:
        """The fused network, and the student, which is a part of it."""
        main, build = self.setup.main, self.setup.build
        fused = FusedNetwork(main, self.setup.auxiliaries, build)
        student = SingleNetwork(main, build, fused.encoder, fused.head)
        return nn.ModuleDict({FUSED: fused, STUDENT: student})
