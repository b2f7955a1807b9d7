"""selection: which auxiliary modality is worth having, by squeeze-and-excitation weights (Auxiliary
Modality Learning, AML, section 5.1). `auxdrive select` trains it and shows the weights.
"""

from __future__ import annotations

import numpy as np
import torch

from auxdrive_train.data.loader import Loader
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.methods.single_phase import SingleNetworkMethod
from auxdrive_train.models.excitation import ExcitationNetwork

SELECTOR = "selector"


class Selection(SingleNetworkMethod):
    """One network on all candidate modalities, in one phase. It has no student to export."""

    name = "selection"
    summary = (
        "weighs candidate modalities with a squeeze-and-excitation block; run by `auxdrive select`"
    )
    paper = "AML section 5.1"
    phase = watch = SELECTOR

    def network(self) -> ExcitationNetwork:
        """The network that weighs the modalities."""
        return ExcitationNetwork(self.setup.main, self.setup.auxiliaries, self.setup.build)


def importance(network: ExcitationNetwork, samples: SampleSet) -> dict[str, float]:
    """How much weight the network gives to each modality, and to `noise`: the mean
    squeeze-and-excitation weight over the modality's channels and the samples that have it, 0..1,
    most important first.

    Args:
        network: a trained network.
        samples: what the weights are averaged over.
    """
    network.eval()
    with torch.no_grad():
        batches = Loader(samples, 64).iterate(np.arange(len(samples), dtype=np.int64))
        weights = [network.weights(batch).double() for batch in batches]
    by_group = torch.split(torch.cat(weights), list(network.groups.values()), dim=1)
    has = {m.value: torch.from_numpy(samples.has(m)) for m in network.modalities}
    weighed = {
        name: float(group[has[name]].mean() if name in has else group.mean())
        for name, group in zip(network.groups, by_group, strict=True)
    }
    return dict(sorted(weighed.items(), key=lambda item: -item[1]))
