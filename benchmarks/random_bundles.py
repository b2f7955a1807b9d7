"""Bundles of networks with random weights, for measurements in which only the time counts: real
graphs as `auxdrive export` writes them, and reference predictions by torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from auxdrive import __version__
from auxdrive.bundles import (
    CARD_NAME,
    IMAGE_INPUT,
    MODEL_NAME,
    README_NAME,
    REFERENCE_EGO,
    REFERENCE_IMAGES,
    REFERENCE_NEGATIVE_CONTROL,
    REFERENCE_OUTPUTS,
    sha256_of_files,
)
from auxdrive.cards import (
    CameraSpec,
    ModelCard,
    ParitySpec,
    PreprocessingSpec,
    Provenance,
    TensorSpec,
    VehicleSpec,
)
from auxdrive.checks.parity import compare
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Float32
from auxdrive_deploy.student_graph import student_outputs, to_onnx
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.tasks import TASKS

FRAMES = 16


def network_of(card: ModelCard, seed: int = 0) -> SingleNetwork:
    """A network like a card's, with random weights.

    Args:
        card: says the backbone, the preprocessing and the task.
        seed: of the weights.
    """
    torch.manual_seed(seed)
    build = Build(card.training.backbone, card.preprocessing, TASKS[card.task]())
    return SingleNetwork(Modality.RGB, build).eval()


def write_random_bundle(
    folder: Path,
    backbone: str,
    task: str,
    size: tuple[int, int],
    camera: tuple[int, int] | None = None,
) -> Path:
    """Write a bundle.

    Args:
        folder: where; it must not be there yet.
        backbone: a name in `auxdrive_train.models.BACKBONES`.
        task: a name in `auxdrive_train.tasks.TASKS`.
        size: height and width of the network's input.
        camera: height and width of the camera; None for those of the network's input.
    """
    camera = camera or size
    card = _card(backbone, task, size, camera)
    training = TASKS[task]()
    network, other = network_of(card), network_of(card, seed=1)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (FRAMES, *camera, 3), dtype=np.uint8)
    example = [number for each in training.ego.inputs for number in each.example]
    ego = np.tile(np.array(example, np.float32), (FRAMES, 1))
    outputs, control = (student_outputs(each, images, ego) for each in (network, other))
    (folder / "reference").mkdir(parents=True)
    (folder / MODEL_NAME).write_bytes(to_onnx(network, training, *camera))
    (folder / README_NAME).write_text("# Random weights: for measurements of time alone\n")
    arrays: dict[str, AnyArray] = {
        REFERENCE_IMAGES: images,
        REFERENCE_EGO: ego,
        REFERENCE_OUTPUTS: outputs,
        REFERENCE_NEGATIVE_CONTROL: control,
    }
    for name, array in arrays.items():
        np.save(folder / name, array, allow_pickle=False)
    whole = card.model_copy(
        update={"parity": _parity(task, outputs, control), "files": sha256_of_files(folder)}
    )
    (folder / CARD_NAME).write_text(whole.model_dump_json(indent=2))
    return folder


def _card(backbone: str, task: str, size: tuple[int, int], camera: tuple[int, int]) -> ModelCard:
    height, width = camera
    training = TASKS[task]()
    image = TensorSpec(
        name=IMAGE_INPUT,
        shape=("batch", height, width, 3),
        dtype="uint8",
        unit="intensity",
        frame="camera, RGB",
    )
    return ModelCard(
        name=f"random-{backbone}-{task}",
        task=task,
        inputs=(image, *training.ego.specs),
        outputs=(training.output,),
        camera=CameraSpec(width=width, height=height),
        preprocessing=PreprocessingSpec(size=size),
        steering=SteeringSpec(max_road_wheel_deg=70.0),
        vehicle=VehicleSpec(name="passenger car", wheelbase_m=2.8),
        rate_hz=20.0,
        waypoint_times_s=training.times_s,
        training=Provenance(
            method="baseline",
            backbone=backbone,
            dataset_sha256="0" * 64,
            seed=0,
            auxdrive_version=__version__,
        ),
        parity=ParitySpec(frames=FRAMES, limit=1.0, unit="?", measured=0.0, negative_control=1.0),
        files={MODEL_NAME: "0" * 64},
    )


def _parity(task: str, outputs: Float32, control: Float32) -> ParitySpec:
    spec = TASKS[task]().spec
    apart = compare(task, outputs, control)
    return ParitySpec(
        frames=FRAMES,
        limit=spec.parity_limit,
        unit=spec.parity_unit,
        measured=0.0,
        negative_control=apart.worst,
    )
