"""Measure a trained model open loop on recorded data: the task's metrics with intervals, the floor
(predictions that need no network) on the same frames, and metrics by what the vehicle did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, Interval
from auxdrive.data.dataset import TRAIN_SPLIT, Dataset
from auxdrive.data.division import training_parts
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality, known_classes
from auxdrive.runs import Condition, Metrics
from auxdrive.storage.claims import changed
from auxdrive.strict import Strict
from auxdrive.types import Float64
from auxdrive.work import ShowProgress, Work, no_progress

from auxdrive_train.data.deriving import derive_missing
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.conditions import by_condition, finite
from auxdrive_train.engine.floor import best_constants, floors, of_constants
from auxdrive_train.engine.prepare import refuse_without
from auxdrive_train.evaluation.intervals import metric_intervals, of_intervals
from auxdrive_train.evaluation.models import Model
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task


class MeasuredData(Strict):
    """What a model was measured on.

    Attributes:
        name: the data set's folder or folders.
        sha256: SHA-256 of the data.
        split: the split; None for all episodes.
        frames: number of frames.
        episodes: number of episodes that they are from.
        sessions: number of drives that they are from.
        trained: whether these frames trained the model; None if unknown, because the model was
            trained on other data.
    """

    name: str
    sha256: str
    split: str | None
    frames: int
    episodes: int
    sessions: int
    trained: bool | None


class Evaluation(Strict):
    """The result of an evaluation, as `auxdrive evaluate --json` prints it.

    Attributes:
        model: path of the run or bundle.
        kind: "run" or "bundle".
        role: the network that was measured.
        task: what it predicts.
        method: how it was trained.
        seed: the seed of its training.
        main_metric: the task's metric by which checkpoints are compared.
        data: what it was measured on.
        metrics: by name, with 95 % intervals if there are enough independent frames.
        intervals: what the intervals are over, or why there are none.
        floor: by kind, the metrics of predictions that need no network.
        floor_from: which frames the floor was fitted to.
        conditions: metrics by what the vehicle did.
        notes: what a reader must know, e.g. that the camera was mounted differently.
    """

    model: str
    kind: str
    role: str
    task: str
    method: str
    seed: int
    main_metric: str
    data: MeasuredData
    metrics: dict[str, Interval]
    intervals: str
    floor: dict[str, Metrics]
    floor_from: str
    conditions: dict[str, Condition]
    notes: tuple[str, ...]


def evaluate(
    model: Model,
    data: list[Path],
    split: str | None = None,
    progress: ShowProgress = no_progress,
) -> Evaluation:
    """Measure a model on a split of a data set, or on all its episodes.

    Args:
        model: from `open_model`.
        data: the data set's folder; several folders are used as one set.
        split: the split to measure on; None for all episodes.
        progress: shows how far it is.

    Raises:
        UsageError: there is no such split.
        DataError: the data lack something that the model needs (all of it is named), or are
            damaged.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_train import evaluate, open_model
        >>> result = evaluate(open_model(Path("run")), [Path("data")], split="val")
        >>> result.main_metric, result.data.split, sorted(result.floor)
        ('rmse_road_wheel_deg', 'val', ['constant', 'neighbours'])
    """
    dataset = Dataset.open(data[0] if len(data) == 1 else data)
    parts = dataset.episode_ids if split is None else dataset.split(split)
    task = make_task(model.task, dataset.card)
    _refuse_misfits(model, dataset, task)
    derive_missing(dataset, model.modalities, progress)
    samples = _counted_samples(model, dataset, parts, task)
    name = f"predicting with {model.path.resolve().name}"
    with progress(Work(name, "frame", len(samples), many=True)) as shown:
        predictions = model.predict(samples, shown)
    measured = _measured_data(model, dataset, split, samples)
    train, floor_from = _floor_frames(dataset, split, samples)
    constants = best_constants(train or samples, dataset.card.steering)
    return Evaluation(
        model=str(model.path),
        kind=model.kind,
        role=model.role,
        task=model.task,
        method=model.method,
        seed=model.seed,
        main_metric=task.primary_metric,
        data=measured,
        metrics=metric_intervals(predictions, samples, dataset.card.steering, model.seed),
        intervals=of_intervals(samples),
        floor=_floor(model, train, samples, constants),
        floor_from=floor_from,
        conditions=by_condition(dataset, samples, predictions, constants),
        notes=tuple(_notes(model, dataset, measured)),
    )


def _counted_samples(model: Model, dataset: Dataset, parts: Sequence[str], task: Task) -> SampleSet:
    """The samples of these episodes that count for the model."""
    modalities = tuple(dict.fromkeys((model.main, *model.modalities)))
    samples = SampleSet.open(dataset, parts, task, modalities, model.history)
    if model.main in model.modalities:
        refuse_without(model.main, samples, dataset)
    samples = samples.chosen(model.counted(samples))
    if not len(samples):
        raise DataError(f"{dataset.name}: no frame has {', '.join(model.modalities)}")
    return samples


def _measured_data(
    model: Model, dataset: Dataset, split: str | None, samples: SampleSet
) -> MeasuredData:
    sha256 = dataset.fingerprint()
    known = sha256 == model.dataset_sha256
    return MeasuredData(
        name=dataset.name,
        sha256=sha256,
        split=split,
        frames=len(samples),
        episodes=len(np.unique(samples.episode_of)),
        sessions=len(np.unique(samples.session_of)),
        trained=split in (None, TRAIN_SPLIT) if known else None,
    )


def _refuse_misfits(model: Model, dataset: Dataset, task: Task) -> None:
    """Report everything at once that keeps the model from being measured on these data."""
    card, camera = dataset.card, dataset.card.camera
    mistakes = []
    if _size(camera) != _size(model.camera):
        mistakes.append(f"its images are {_size(camera)}, the model takes {_size(model.camera)}")
    if task.times_s != model.times_s:
        mistakes.append(
            f"waypoints {list(task.times_s)} s ahead are known of it, the model predicts them "
            f"{list(model.times_s)} s ahead"
        )
    fewer = len(known_classes(card.classes))
    if Modality.SEGMENTATION in model.modalities and fewer < model.classes:
        mistakes.append(
            f"its segmentation has {fewer} classes, the model's role '{model.role}' sees "
            f"{model.classes}"
        )
    absent = [m for m in model.modalities if _cannot_be_had(m, dataset)]
    if absent:
        mistakes.append(
            f"it has no {', '.join(absent)} (it has {', '.join(card.modalities)}), which the "
            f"model's role '{model.role}' sees"
        )
    if mistakes:
        raise DataError(
            f"{dataset.name}: does not have what {model.path} needs: {'; '.join(mistakes)}. "
            "Choose other data, or record or convert them as the model's were"
        )


def _size(camera: CameraSpec | None) -> str:
    return "none" if camera is None else f"{camera.width}x{camera.height}"


def _cannot_be_had(modality: Modality, dataset: Dataset) -> bool:
    source = MODALITIES[modality].derived_from
    return modality not in dataset.card.modalities and (
        source is None or source not in dataset.card.modalities
    )


def _floor_frames(
    dataset: Dataset, split: str | None, measured: SampleSet
) -> tuple[SampleSet | None, str]:
    """The training frames of these data, to which the floor is fitted, and the same in words. None
    if the training frames themselves are measured, or there are none.
    """
    splits = dataset.card.splits
    if split in (None, TRAIN_SPLIT) or not splits.get(TRAIN_SPLIT):
        return None, (
            "the measured frames themselves: no constant that is chosen beforehand can do better"
        )
    parts = training_parts(dataset).train
    return (
        SampleSet.open(dataset, parts, measured.task, measured.modalities, measured.history),
        f"the split '{TRAIN_SPLIT}' of the same data",
    )


def _floor(
    model: Model,
    train: SampleSet | None,
    samples: SampleSet,
    constants: Mapping[str, Float64],
) -> dict[str, Metrics]:
    steering = samples.card.steering
    if train is None:
        return {"constant": finite(of_constants(samples, constants, steering))}
    made = floors(train, {"": samples}, model.main, model.preprocessing, steering)[""]
    return {kind: finite(metrics) for kind, metrics in made.items()}


def _notes(model: Model, dataset: Dataset, measured: MeasuredData) -> Iterator[str]:
    card = dataset.card
    if measured.trained:
        yield "these frames trained the model: this says how well it remembers, not how it drives"
    elif measured.trained is not None:
        yield "these data are those that the model was trained on; it was not trained on this split"
    if model.camera is not None and card.camera is not None:
        camera = _changes(model.camera, card.camera)
        if camera:
            yield f"the camera is another than in training: {camera}"
    steering = _changes(model.steering, card.steering)
    if steering:
        yield f"the vehicle steers otherwise than in training: {steering}"
    if card.rate_hz != model.rate_hz:
        yield f"frames come at {card.rate_hz:g} Hz, in training at {model.rate_hz:g}"


def _changes(before: Strict, now: Strict) -> str:
    """The fields that differ, each with both values."""
    old, new = before.model_dump(mode="json"), now.model_dump(mode="json")
    return "; ".join(changed(name, old[name], new[name]) for name in new if old[name] != new[name])
