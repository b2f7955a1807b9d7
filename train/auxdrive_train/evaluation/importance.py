"""How much a network that weighs modalities by squeeze-and-excitation looks at each (Auxiliary
Modality Learning, AML, section 5.1).
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from auxdrive.data.dataset import Dataset
from auxdrive.data.division import training_parts

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.load import load_run
from auxdrive_train.methods.selection import SELECTOR, importance
from auxdrive_train.models.excitation import NOISE, ExcitationNetwork

__all__ = ["NOISE", "importance_of"]


def importance_of(run: Path) -> dict[str, float]:
    """The mean weight of each modality, and of noise, on a run's validation part; the largest
    first.

    Args:
        run: the folder of a run of the method `selection`.

    Raises:
        DataError: its data are not where they were, or it is damaged.
    """
    loaded = load_run(run)
    dataset, config = Dataset.open(loaded.config.data), loaded.config
    parts = training_parts(dataset, config.validation_every).validation
    modalities = loaded.method.modalities
    samples = SampleSet.open(dataset, parts, loaded.task, modalities, config.history)
    return importance(cast(ExcitationNetwork, loaded.networks[SELECTOR]), samples)
