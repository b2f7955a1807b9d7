"""teacher: main modality and auxiliaries in one fused network, trained on the labels. It is an
upper bound that no vehicle can run, since it needs the auxiliary sensors.
"""

from __future__ import annotations

from auxdrive_train.methods.contract import TEACHER
from auxdrive_train.methods.single_phase import SingleNetworkMethod
from auxdrive_train.models.fusion import FusedNetwork


class Teacher(SingleNetworkMethod):
    """One fused network and one phase (AML, section 4.1, teacher of type D). It has no student to
    export.
    """

    name = "teacher"
    summary = "main modality and auxiliaries together; an upper bound that cannot be exported"
    paper = "AML section 4.1, teacher of type D"
    phase = watch = TEACHER

    def network(self) -> FusedNetwork:
        """The teacher."""
        return FusedNetwork(self.setup.main, self.setup.auxiliaries, self.setup.build)
