"""Choice of the auxiliary modality by squeeze-and-excitation weights (AML, section 5.1); `auxdrive
select` reads them off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.data.loader import Loader
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.methods.contract import Method, Phase, PhaseRecord, Step
from auxdrive_train.models.excitation import ExcitationNetwork
from auxdrive_train.models.networks import Network

SELECTOR = "selector"


class Selection(Method):
    """One network over all candidates, one phase; there is no student in it to export."""

    name = "selection"
    summary = (
        "weighs candidate modalities with a squeeze-and-excitation block; run by `auxdrive select`"
    )
    paper = "AML section 5.1"

    def networks(self) -> nn.ModuleDict:
        """The selector."""
        return nn.ModuleDict(
            {
                SELECTOR: ExcitationNetwork(
                    self.setting.main, self.setting.auxiliaries, self.setting.build
                )
            }
        )

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """Train it once."""
        return (
            None
            if history
            else Phase(SELECTOR, (SELECTOR,), self.setting.epochs, self._loss, watch=SELECTOR)
        )

    def _loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[SELECTOR](batch).prediction, batch)})

    def views(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The selector."""
        return {SELECTOR: cast(Network, networks[SELECTOR])}


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
