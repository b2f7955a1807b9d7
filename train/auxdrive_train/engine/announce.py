"""What training logs before it begins: which data it uses, what it is validated on, and what is
wrong with the data.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from auxdrive.data.dataset import Dataset
from auxdrive.data.division import TrainingParts, how_far
from auxdrive.inspection.findings import examine, shown

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.methods.contract import Method

_LOG = logging.getLogger(__name__)


def announce(
    config: TrainConfig, method: Method, samples: SampleSet, validation: SampleSet
) -> None:
    """Log how many samples there are, and how many episodes lack a modality.

    Args:
        config: how the run is trained.
        method: the method; the log names the modalities that it reads.
        samples: the training samples.
        validation: the samples to validate on.
    """
    _LOG.info(
        f"{config.method} on {config.device} ({config.precision}, {config.processes} process(es)): "
        f"{len(samples)} training samples, "
        f"{len(validation)} to validate on, modalities {', '.join(method.modalities)}"
    )
    for modality, lacking in samples.missing.items():
        _LOG.info(
            f"{len(lacking)} of {len(samples.episode_ids)} training episodes lack {modality}; it "
            "is masked there"
        )


def announce_distances(
    config: TrainConfig, dataset: Dataset, division: TrainingParts
) -> dict[str, dict[str, Any]]:
    """Log how far apart the measured data and the training data are.

    Args:
        config: which further splits are measured.
        dataset: the data set.
        division: which frames train and which validate.

    Returns:
        By split ("val" first), what `RunRecord.measured_on` holds: `how`, in words, and `apart_s`,
        the seconds between measured and training frames of the same drive, None if no drive has
        both.
    """
    measured: dict[str, dict[str, Any]] = {
        "val": {"how": division.how, "apart_s": division.apart_s}
    }
    for split in config.evaluate:
        how, apart_s = how_far(dataset, split, division)
        measured[split] = {"how": how, "apart_s": apart_s}
    for each in measured.values():
        _LOG.info(f"measured on {each['how']}")
    return measured


def announce_findings(
    dataset: Dataset, samples: SampleSet, validation: SampleSet
) -> dict[str, int]:
    """Log what `auxdrive inspect` finds in the episodes in use.

    Args:
        dataset: the data set.
        samples: the training samples.
        validation: the samples to validate on.

    Returns:
        How many images show nothing, by kind of fault (`CameraFaults`).
    """
    found = examine(dataset, dict.fromkeys((*samples.episode_ids, *validation.episode_ids)))
    _LOG.info(f"camera: {found.camera_faults}")
    for line in (
        *(f"broken: {line}" for line in shown(found.broken)),
        *(f"doubtful: {line}" for line in shown(found.doubts)),
    ):
        _LOG.info(line)
    return asdict(found.camera_faults)
