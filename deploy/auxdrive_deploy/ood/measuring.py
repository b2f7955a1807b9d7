"""The out-of-distribution scores of a run, one for each precision: fitted to its training part,
with a threshold from its validation part, and measured on its further splits and on faults of the
camera.

Legend: N frames in batches of B, F images that are seen at once, V numbers that describe one, H, W
rows and columns of the camera.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from numpy.typing import NDArray

from auxdrive_deploy.metrics import parts_of, rgb_samples, same_data
from auxdrive_deploy.ood.faults import FAULTS, faulty
from auxdrive_deploy.ood.score import METHOD, OodScore, auroc, fit, threshold_of

FIT_FRAMES, HELD_OUT_FRAMES, FAULTY_FRAMES = 2048, 1024, 128
"""The most frames that are taken, evenly spread."""
FALSE_ALARMS = 0.01
LEAST_FRAMES = 100
"""The least frames to fit to, and as many held out: in fewer, one in a hundred is not to be seen.
"""
_BATCH = 32


Describe = Callable[[Iterable[UInt8]], Float32]
"""What describes frames to the score, (N, V), of batches of uint8 (B, H, W, 3) or (B, F, H, W, 3).
"""


@dataclass(frozen=True)
class Ood:
    """A fitted score.

    Attributes:
        score: in float64.
        spec: what the card says of it.
    """

    score: OodScore
    spec: OodSpec

    def scores_of(self, describe: Describe, images: UInt8) -> Float32:
        """The scores (N, 1) of frames.

        Args:
            describe: as it was for the fit.
            images: uint8 (N, H, W, 3) or (N, F, H, W, 3).
        """
        one_by_one = (image[None] for image in images)  # big frames take much memory
        return self.score.of(describe(one_by_one))[:, None].astype(np.float32)


@dataclass(frozen=True)
class OodFrames:
    """The frames of a run to which scores are fitted, and on which they are measured.

    Attributes:
        run: the run's folder, for messages.
        train: of the training part.
        held_out: of the validation part; they give the threshold.
        further: of the further splits that the run was measured on, by their names.
    """

    run: Path
    train: SampleSet
    held_out: SampleSet
    further: Mapping[str, SampleSet]

    def fit(self, describe: Describe) -> Ood:
        """Fit a score. The same frames and descriptions give the same score.

        Args:
            describe: what describes frames to it: the features of the student, or of its graph in
                another precision.

        Raises:
            DataError: the frames cannot be read, or the features are not finite.
        """
        score = fit(describe(_batches(self.train)))
        ordinary = score.of(describe(_batches(self.held_out)))
        threshold = threshold_of(ordinary, FALSE_ALARMS)
        if not 0.0 < threshold < np.inf:
            raise DataError(
                f"{self.run}: the held-out frames give the out-of-distribution threshold "
                f"{threshold}; export with --no-ood, and please report this with the run"
            )
        spec = OodSpec(
            method=METHOD,
            threshold=threshold,
            false_alarms=FALSE_ALARMS,
            fitted_on=len(self.train),
            held_out=len(self.held_out),
            shrinkage=score.shrinkage,
            flagged={
                split: float(np.mean(score.of(describe(_batches(frames))) > threshold))
                for split, frames in self.further.items()
            },
            auroc=self._faults(describe, score, ordinary),
        )
        return Ood(score, spec)

    def _faults(self, describe: Describe, score: OodScore, ordinary: Float64) -> dict[str, float]:
        few = _few(self.held_out, FAULTY_FRAMES)
        found: dict[str, list[Float64]] = {name: [] for name in FAULTS}
        for images in _batches(few):
            for name in FAULTS:
                found[name].append(score.of(describe([faulty(name, images)])))
        return {name: auroc(ordinary, np.concatenate(scores)) for name, scores in found.items()}


def ood_frames(run: Run, measured: Sequence[str]) -> OodFrames | str:
    """The frames for the scores of a run's student.

    Args:
        run: that is exported.
        measured: the splits that the run was measured on.

    Returns:
        The frames; or why there is no score, as a sentence.

    Raises:
        DataError: the frames cannot be read.
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
    further = {
        split: _few(_frames(run, dataset, parts_of(run, dataset, split)), HELD_OUT_FRAMES)
        for split in measured
        if split != VALIDATION_SPLIT
    }
    return OodFrames(
        run.directory, _few(train, FIT_FRAMES), _few(held_out, HELD_OUT_FRAMES), further
    )


def _frames(run: Run, dataset: Dataset, parts: Sequence[str | Stretch]) -> SampleSet:
    """The usable frames of some parts, as the student was trained on them."""
    samples = rgb_samples(run, dataset, parts)
    return samples.chosen(samples.has(Modality.RGB))


def _few(samples: SampleSet, count: int) -> SampleSet:
    """At most so many of the samples, evenly spread."""
    count = min(len(samples), count)
    places: NDArray[np.intp] = (2 * np.arange(count) + 1) * len(samples) // (2 * count)
    return samples.chosen(places)


def _batches(samples: SampleSet) -> Iterator[UInt8]:
    for first in range(0, len(samples), _BATCH):
        numbers = np.arange(first, min(first + _BATCH, len(samples)), dtype=np.int64)
        yield samples.gather(numbers).frames[Modality.RGB].numpy()
