"""The out-of-distribution score of a run: fitted to its training part, with a threshold from its
validation part, and measured on its further splits and on faults of the camera.

Legend: N frames, H, W rows and columns of the camera.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.cards import OodSpec
from auxdrive.data.dataset import VALIDATION_SPLIT, Dataset
from auxdrive.data.division import training_parts
from auxdrive.data.sessions import Stretch
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.types import Float32, Float64, UInt8
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.load import Run
from auxdrive_train.models.networks import SingleNetwork
from numpy.typing import NDArray

from auxdrive_deploy.metrics import parts_of, same_data
from auxdrive_deploy.ood.faults import FAULTS, faulty
from auxdrive_deploy.ood.network import vectors_of
from auxdrive_deploy.ood.score import METHOD, OodScore, auroc, fit, threshold_of

FIT_FRAMES, HELD_OUT_FRAMES, FAULTY_FRAMES = 2048, 1024, 128
"""The most frames that are taken, evenly spread."""
FALSE_ALARMS = 0.01
LEAST_FRAMES = 100
"""The least frames to fit to, and as many held out: in fewer, one in a hundred is not to be seen.
"""
_BATCH = 32


@dataclass(frozen=True)
class Ood:
    """A fitted score.

    Attributes:
        score: in float64.
        spec: what the card says of it.
    """

    score: OodScore
    spec: OodSpec

    def scores_of(self, network: SingleNetwork, images: UInt8) -> Float32:
        """The scores (N, 1) of frames.

        Args:
            network: the student.
            images: uint8 (N, H, W, 3).
        """
        one_by_one = (image[None] for image in images)  # big frames take much memory
        return self.score.of(vectors_of(network, one_by_one))[:, None].astype(np.float32)


def fit_ood(run: Run, network: SingleNetwork, measured: Sequence[str]) -> Ood | str:
    """Fit the score of a run's student. The same run gives the same score.

    Args:
        run: that is exported.
        network: its student.
        measured: the splits that the run was measured on.

    Returns:
        The score; or why there is none, as a sentence.

    Raises:
        DataError: the frames cannot be read, or the features are not finite.
    """
    dataset, reason = same_data(run)
    if dataset is None:
        return reason
    train = _frames(run, dataset, training_parts(dataset, run.config.validation_every).train)
    held_out = _frames(run, dataset, parts_of(run, dataset, VALIDATION_SPLIT))
    if min(len(train), len(held_out)) < LEAST_FRAMES:
        return (
            f"{len(train)} frames of the training part and {len(held_out)} held out are too few, "
            f"{LEAST_FRAMES} of each are needed"
        )
    score = fit(_vectors(network, _few(train, FIT_FRAMES)))
    held_out = _few(held_out, HELD_OUT_FRAMES)
    ordinary = score.of(_vectors(network, held_out))
    threshold = threshold_of(ordinary, FALSE_ALARMS)
    if not 0.0 < threshold < np.inf:
        raise DataError(
            f"{run.directory}: the held-out frames give the out-of-distribution threshold "
            f"{threshold}; export with --no-ood, and please report this with the run"
        )
    spec = OodSpec(
        method=METHOD,
        threshold=threshold,
        false_alarms=FALSE_ALARMS,
        fitted_on=min(len(train), FIT_FRAMES),
        held_out=len(held_out),
        shrinkage=score.shrinkage,
        flagged={
            split: float(np.mean(scores > threshold))
            for split, scores in _further(run, dataset, network, score, measured)
        },
        auroc=_faults(network, score, held_out, ordinary),
    )
    return Ood(score, spec)


def _further(
    run: Run, dataset: Dataset, network: SingleNetwork, score: OodScore, measured: Sequence[str]
) -> Iterator[tuple[str, Float64]]:
    """The scores of the splits that neither fitted the score nor gave its threshold."""
    for split in measured:
        if split != VALIDATION_SPLIT:
            frames = _few(_frames(run, dataset, parts_of(run, dataset, split)), HELD_OUT_FRAMES)
            yield split, score.of(_vectors(network, frames))


def _faults(
    network: SingleNetwork, score: OodScore, held_out: SampleSet, ordinary: Float64
) -> dict[str, float]:
    few = _few(held_out, FAULTY_FRAMES)
    found: dict[str, list[Float64]] = {name: [] for name in FAULTS}
    for images in _batches(few):
        for name in FAULTS:
            found[name].append(score.of(vectors_of(network, [faulty(name, images)])))
    return {name: auroc(ordinary, np.concatenate(scores)) for name, scores in found.items()}


def _frames(run: Run, dataset: Dataset, parts: Sequence[str | Stretch]) -> SampleSet:
    """The usable frames of some parts, as the student was trained on them."""
    samples = SampleSet.open(dataset, parts, run.task, (Modality.RGB,))
    return samples.chosen(samples.has(Modality.RGB))


def _few(samples: SampleSet, count: int) -> SampleSet:
    """At most so many of the samples, evenly spread."""
    count = min(len(samples), count)
    places: NDArray[np.intp] = (2 * np.arange(count) + 1) * len(samples) // (2 * count)
    return samples.chosen(places)


def _vectors(network: SingleNetwork, samples: SampleSet) -> Float32:
    return vectors_of(network, _batches(samples))


def _batches(samples: SampleSet) -> Iterator[UInt8]:
    for first in range(0, len(samples), _BATCH):
        numbers = np.arange(first, min(first + _BATCH, len(samples)), dtype=np.int64)
        yield samples.gather(numbers).frames[Modality.RGB].numpy()
