"""Models that can be evaluated: a role of a run, in torch, or a bundle, in its runtime.

Legend: N samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from auxdrive.bundles import Bundle
from auxdrive.cards import CameraSpec, HistorySpec, PreprocessingSpec
from auxdrive.checks.parity import predict_all
from auxdrive.errors import RuntimeUnavailable, UsageError
from auxdrive.inspection.bundles_and_runs import is_bundle
from auxdrive.modalities import Modality, known_classes
from auxdrive.predictor import Predictor
from auxdrive.runs import RunFolder, run_in
from auxdrive.steering import SteeringSpec
from auxdrive.storage.reading import is_folder
from auxdrive.types import Float32
from auxdrive.work import Shown
from numpy.typing import NDArray

from auxdrive_train.data.loader import Loader
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.evaluate import EVALUATION_BATCH, counted, predict_roles
from auxdrive_train.engine.load import load_run
from auxdrive_train.methods.contract import STUDENT


@dataclass(frozen=True)
class Model:
    """A trained model that predicts from recorded samples.

    Attributes:
        path: the run or the bundle.
        kind: "run" or "bundle".
        role: the network that is measured; a bundle holds a student.
        task: what it predicts.
        method: how it was trained.
        seed: the seed of its training.
        camera: the camera that it was trained with; None where its data have none.
        steering: the steering limits that it was trained with.
        rate_hz: frames per second of its training data.
        times_s: how far ahead its waypoints are, if it predicts any.
        main: what the run's student sees.
        modalities: what this network sees.
        preprocessing: what it does to the image.
        history: which images it sees at once.
        classes: how many segmentation classes it tells apart, where it sees any.
        dataset_sha256: SHA-256 of its training data.
        predict: predictions (N, *label_shape) in physical units for samples; shows how many frames
            are done.
        counted: bool (N,), the samples that it can be measured on.
    """

    path: Path
    kind: Literal["run", "bundle"]
    role: str
    task: str
    method: str
    seed: int
    camera: CameraSpec | None
    steering: SteeringSpec
    rate_hz: float
    times_s: tuple[float, ...]
    main: Modality
    modalities: tuple[Modality, ...]
    preprocessing: PreprocessingSpec
    history: HistorySpec
    classes: int
    dataset_sha256: str
    predict: Callable[[SampleSet, Shown], Float32]
    counted: Callable[[SampleSet], NDArray[np.bool_]]


def open_model(
    path: Path,
    role: str = STUDENT,
    device: str = "cpu",
    runtime_options: Mapping[str, object] | None = None,
) -> Model:
    """Open the run or bundle in a folder, to be evaluated.

    Args:
        path: a run, a folder of several runs, of which the chosen one is meant
            (`auxdrive.runs.run_in`), or a bundle.
        role: which of a run's networks.
        device: "cpu" or "cuda"; a bundle runs on what its runtime offers.
        runtime_options: of a bundle, options of its runtime by name (`auxdrive.Predictor.load`).

    Raises:
        UsageError: the folder holds neither a run nor a bundle, has no such role, or is a run,
            which has no options of a runtime.
        AuxdriveError: it is damaged, or the device is not available.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_train import open_model
        >>> open_model(Path("run")).kind, open_model(Path("bundle")).kind
        ('run', 'bundle')
    """
    if not is_folder(path):
        raise UsageError(f"{path}: no such directory")
    path = run_in(path)
    if is_bundle(path):
        return _of_bundle(path, role, device, runtime_options)
    if RunFolder(path).is_run:
        if runtime_options:
            raise UsageError(
                f"{path}: is a run, and only a bundle runs in a runtime that has options: leave "
                f"out {', '.join(runtime_options)}"
            )
        return _of_run(path, role, device)
    raise UsageError(f"{path}: is no run (config.yaml) and no bundle (card.json)")


def _of_run(path: Path, role: str, device: str) -> Model:
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeUnavailable("torch sees no CUDA device; use --device cpu")
    run = load_run(path)
    network = run.network_of(role).to(device)

    def predict(samples: SampleSet, shown: Shown) -> Float32:
        found = predict_roles({role: network}, samples, torch.device(device))[role]
        shown.done(len(samples))
        return found

    return Model(
        path=path,
        kind="run",
        role=role,
        task=run.config.task,
        method=run.config.method,
        seed=run.config.seed,
        camera=run.card.camera,
        steering=run.card.steering,
        rate_hz=run.card.rate_hz,
        times_s=run.task.times_s,
        main=run.config.main,
        modalities=network.modalities,
        preprocessing=run.config.preprocessing,
        history=run.config.history,
        classes=len(known_classes(run.card.classes)),
        dataset_sha256=run.record.dataset_sha256,
        predict=predict,
        counted=lambda samples: counted(network, samples),
    )


def _of_bundle(
    path: Path, role: str, device: str, runtime_options: Mapping[str, object] | None
) -> Model:
    bundle = Bundle.open(path)
    card = bundle.card
    if role != card.training.role:
        raise UsageError(
            f"{path}: a bundle holds a {card.training.role} and no '{role}'; evaluate the run"
        )

    def predict(samples: SampleSet, shown: Shown) -> Float32:
        found = []
        with Predictor.load(bundle, device=device, options=runtime_options) as predictor:
            everything = np.arange(len(samples), dtype=np.int64)
            for batch in Loader(samples, EVALUATION_BATCH).iterate(everything):
                images, ego = batch.frames[Modality.RGB].numpy(), batch.ego_be.numpy()
                found.append(predict_all(predictor, images, ego))
                shown.done(len(images))
        return np.concatenate(found)

    return Model(
        path=path,
        kind="bundle",
        role=role,
        task=card.task,
        method=card.training.method,
        seed=card.training.seed,
        camera=card.camera,
        steering=card.steering,
        rate_hz=card.rate_hz,
        times_s=card.waypoint_times_s,
        main=Modality.RGB,
        modalities=(Modality.RGB,),
        preprocessing=card.preprocessing,
        history=card.history,
        classes=0,
        dataset_sha256=card.training.dataset_sha256,
        predict=predict,
        counted=lambda samples: samples.has(Modality.RGB),
    )
