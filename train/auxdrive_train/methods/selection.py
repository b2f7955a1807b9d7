"""Choice of the auxiliary modality by squeeze-and-excitation weights (AML, section 5.1); `auxdrive
select` reads them off.
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
    """One network over all candidates, one phase; there is no student in it to export."""

    name = "selection"
    summary = (
        "weighs candidate modalities with a squeeze-and-excitation block; run by `auxdrive select`"
    )
    paper = "AML section 5.1"
    phase = watch = SELECTOR

    def network(self) -> ExcitationNetwork:
        """The selector."""
        return ExcitationNetwork(self.setup.main, self.setup.auxiliaries, self.setup.build)


def importance(network: ExcitationNetwork, samples: SampleSet) -> dict[str, float]:
    """Mean SE weight by modality (and `noise`), over its channels and the samples that have it, the
    most important first.
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
