"""Linear probes: how much of the task each encoder of a run tells a linear head. An encoder of a
fusion that tells less than the same one trained alone is lazy (modality laziness; UMT/UME, Du et
al. 2023, section 3).

Legend: N samples, D features, E ego inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import training_parts
from auxdrive.data.sessions import Stretch
from auxdrive.errors import DataError
from auxdrive.runs import Metrics
from auxdrive.steering import SteeringSpec
from auxdrive.storage.reading import is_folder
from auxdrive.strict import Strict
from auxdrive.types import Float64
from auxdrive.work import ShowProgress, Work, no_progress
from numpy.typing import NDArray

from auxdrive_train.data.deriving import derive_missing
from auxdrive_train.data.loader import Loader
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.conditions import finite
from auxdrive_train.engine.evaluate import EVALUATION_BATCH, counted
from auxdrive_train.engine.floor import best_constants, of_constants, of_ego
from auxdrive_train.engine.load import Run, load_run
from auxdrive_train.models.networks import Network

MOST_FITTED = 20_000
"""A probe is fitted to at most so many training samples, evenly spread."""
RIDGE = 1e-3
"""Times N: what is added to the diagonal, of features with a standard deviation of 1."""


class Probed(Strict):
    """One encoder.

    Attributes:
        role: of the network that it is part of.
        encoder: which of it: the modality that it sees, or "features" for a network's only ones.
        width: D.
        probe: metrics of the linear head on its features and the ego inputs.
        head: metrics of the network's own head, which sees all of its encoders.
    """

    role: str
    encoder: str
    width: int
    probe: Metrics
    head: Metrics


class Probes(Strict):
    """All encoders of a run, as `auxdrive probe --json` prints them.

    Attributes:
        run: its folder.
        method: how it was trained.
        task: what it predicts.
        main_metric: the task's metric by which checkpoints are compared.
        split: on which the probes are measured.
        fitted: number of frames that they were fitted to.
        measured: number of frames of the split.
        encoders: in the order of the roles.
        floor: metrics of a constant, and of a linear head on the ego inputs alone.
    """

    run: str
    method: str
    task: str
    main_metric: str
    split: str
    fitted: int
    measured: int
    encoders: tuple[Probed, ...]
    floor: dict[str, Metrics]


@dataclass(frozen=True)
class Frames:
    """A run and the frames for its probes.

    Attributes:
        run: the run.
        fitted: those to which linear heads are fitted.
        measured: those on which they are measured.
    """

    run: Run
    fitted: SampleSet
    measured: SampleSet


def frames_of(path: Path, data: Sequence[Path], split: str, progress: ShowProgress) -> Frames:
    """Open a run and its frames; see `probe` for errors.

    Args:
        path: the run's folder.
        data: the data set's folders; none: those that the run was trained on.
        split: on which heads are measured.
        progress: shows how far deriving is.
    """
    run = load_run(path)
    dataset = _dataset_of(run, data)
    division = training_parts(dataset, run.config.validation_every)
    modalities = tuple(dict.fromkeys((run.config.main, *run.method.modalities)))
    derive_missing(dataset, modalities, progress)

    def opened(parts: Sequence[str | Stretch]) -> SampleSet:
        return SampleSet.open(dataset, parts, run.task, modalities, run.config.history)

    whole = opened(division.train)
    measured = opened(division.validation if split == "val" else dataset.split(split))
    return Frames(run, whole.chosen(_spread(len(whole))), measured)


def probe(
    path: Path,
    data: Sequence[Path] = (),
    split: str = "val",
    progress: ShowProgress = no_progress,
) -> Probes:
    """Fit a linear head to each encoder of a run on the frames that trained it, and measure it.

    Args:
        path: the run's folder.
        data: the data set's folders; none: those that the run was trained on.
        split: on which it is measured; "val" is the run's own validation part.
        progress: shows how far it is.

    Raises:
        UsageError: there is no such split.
        DataError: there is no run, or its data are not there any more or are others.
    """
    frames = frames_of(path, data, split, progress)
    run, fitted, measured = frames.run, frames.fitted, frames.measured
    steering = measured.card.steering
    work = Work(f"probing {path.resolve().name}", "role", len(run.roles))
    encoders: list[Probed] = []
    with progress(work) as shown:
        for role, network in run.roles.items():
            encoders += _of_network(role, network, fitted, measured, steering)
            shown.done()
    return Probes(
        run=str(path),
        method=run.config.method,
        task=run.config.task,
        main_metric=run.task.primary_metric,
        split=split,
        fitted=len(fitted),
        measured=len(measured),
        encoders=tuple(encoders),
        floor=_floor(fitted, measured, steering),
    )


def _dataset_of(run: Run, data: Sequence[Path]) -> Dataset:
    folders = list(data) or [Path(each) for each in run.config.data]
    if not data and (gone := [each for each in folders if not is_folder(each)]):
        raise DataError(
            f"{run.directory}: was trained on {gone[0]}, which is not there; give --data"
        )
    dataset = Dataset.open(folders[0] if len(folders) == 1 else folders)
    if dataset.fingerprint() != run.record.dataset_sha256:
        raise DataError(
            f"{dataset.name}: is not what {run.directory} was trained on, or was changed since; a "
            "probe is fitted to the frames that trained the encoders"
        )
    return dataset


def _spread(count: int) -> NDArray[np.intp]:
    return np.linspace(0, count - 1, min(count, MOST_FITTED)).round().astype(np.intp)


def _of_network(
    role: str, network: Network, fitted: SampleSet, measured: SampleSet, steering: SteeringSpec
) -> list[Probed]:
    """The probes of a network's encoders, on the samples that it counts for."""
    fitted, measured = (each.chosen(counted(network, each)) for each in (fitted, measured))
    if not len(fitted) or not len(measured):
        return []
    known, _ = seen_by(network, fitted)
    asked, own = seen_by(network, measured)
    task = measured.task
    head = finite(task.metrics(own, measured.label, steering))
    found = []
    for name, features in known.items():
        predicted = linear(features, fitted, asked[name], measured)
        metrics = finite(task.metrics(predicted, measured.label, steering))
        found.append(
            Probed(role=role, encoder=name, width=features.shape[1], probe=metrics, head=head)
        )
    return found


def seen_by(network: Network, samples: SampleSet) -> tuple[dict[str, Float64], Float64]:
    """Each encoder's features, (N, D) by its name, and the network's predictions (N,
    *label_shape).

    Args:
        network: is put into evaluation mode.
        samples: what it sees.
    """
    parts: dict[str, list[Float64]] = {}
    predictions = []
    network.eval()
    with torch.no_grad():
        for batch in Loader(samples, EVALUATION_BATCH).iterate(
            np.arange(len(samples), dtype=np.int64)
        ):
            encoded, prediction = network.encoded(batch)
            for name, features in encoded.items():
                parts.setdefault(name, []).append(features.double().numpy())
            predictions.append(prediction.double().numpy())
    return {name: np.concatenate(each) for name, each in parts.items()}, np.concatenate(predictions)


def linear(features: Float64, fitted: SampleSet, asked: Float64, measured: SampleSet) -> Float64:
    """What a linear head predicts, (N, *label_shape), fitted by ridge regression to standardised
    features and ego inputs.

    Args:
        features: (N, D) of the samples that it is fitted to.
        fitted: these samples.
        asked: (N, D) of the samples that it predicts.
        measured: these samples.
    """
    known = np.concatenate([features, fitted.ego], axis=1)
    mean, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread < 1e-9] = np.inf  # what does not vary says nothing
    design = (known - mean) / spread
    label = fitted.label.reshape(len(fitted), -1).astype(np.float64)
    gram = design.T @ design + RIDGE * len(design) * np.eye(design.shape[1])
    weights = np.linalg.solve(gram, design.T @ (label - label.mean(axis=0)))
    there = (np.concatenate([asked, measured.ego], axis=1) - mean) / spread
    predicted: Float64 = there @ weights + label.mean(axis=0)
    return predicted.reshape(measured.label.shape)


def _floor(fitted: SampleSet, measured: SampleSet, steering: SteeringSpec) -> dict[str, Metrics]:
    rows = {"constant": finite(of_constants(measured, best_constants(fitted, steering), steering))}
    if fitted.ego.shape[1]:
        rows["ego"] = finite(of_ego(fitted, measured, steering))
    return rows
