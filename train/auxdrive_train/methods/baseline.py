"""baseline: one network on the main modality, trained on the labels. Every student is compared with
it.
"""

from __future__ import annotations

from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.single_phase import SingleNetworkMethod
from auxdrive_train.models.networks import SingleNetwork


class Baseline(SingleNetworkMethod):
    """One network and one phase, without auxiliary modalities: Bojarski et al. 2016 for steering,
    the image branch of Prakash et al. 2021 for waypoints.
    """

    name = "baseline"
    summary = "the main modality alone"
    paper = "Bojarski et al. 2016 for steering, Prakash et al. 2021 (image branch) for waypoints"
    needs_auxiliaries = False
    phase = watch = STUDENT

    def network(self) -> SingleNetwork:
        """The student: encoder and head on the main modality."""
        return SingleNetwork(self.setup.main, self.setup.build)
