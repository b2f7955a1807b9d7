"""The main modality alone, trained on the labels: what every student is compared with."""

from __future__ import annotations

from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.single_phase import SingleNetworkMethod
from auxdrive_train.models.networks import SingleNetwork


class Baseline(SingleNetworkMethod):
    """One network, one phase."""

    name = "baseline"
    summary = "the main modality alone"
    paper = "Bojarski et al. 2016 for steering, Prakash et al. 2021 (image branch) for waypoints"
    needs_auxiliaries = False
    phase = watch = STUDENT

    def network(self) -> SingleNetwork:
        """The student."""
        return SingleNetwork(self.setup.main, self.setup.build)
