"""The reference frames of a run: what was recorded, and what the student predicts from them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from auxdrive.errors import DataError
from auxdrive.storage.arrays import load_npy
from auxdrive.types import AnyArray, Float32, UInt8
from auxdrive_train.engine.building import build_finished
from auxdrive_train.engine.load import Run

from auxdrive_deploy.student_graph import student_of, student_outputs


@dataclass(frozen=True)
class Reference:
    """Real frames of the validation part, and predictions from them in torch.

    Attributes:
        images: uint8 (N, H, W, 3), or (N, F, H, W, 3) of a student that sees F images at once, the
            current one first.
        ego: float32 (N, E), the ego inputs.
        labels: (N, *label_shape), what was recorded.
        outputs: (N, *label_shape), what the student predicts.
        negative_control: (N, *label_shape), what the same network predicts with other weights.
    """

    images: UInt8
    ego: Float32
    labels: Float32
    outputs: Float32
    negative_control: Float32


def read_reference(run: Run) -> Reference:
    """The run's reference frames, with the predictions of its student and of the negative control.

    The negative control is the same network with fresh weights of the next seed. It is not trained:
    it shows that the comparison notices wrong weights, not how much training matters.

    Raises:
        DataError: the frames are missing, damaged, or not of the camera in the data set's card.
    """
    images = _array(run.folder.reference_images_path)
    ego = _array(run.folder.reference_ego_path)
    camera, columns = run.card.needed_camera, run.task.ego.width
    frames = run.config.history.frames
    expected = (*((frames,) if frames > 1 else ()), camera.height, camera.width, 3)
    if images.dtype != np.uint8 or images.ndim != 1 + len(expected) or len(images) == 0:
        at_once = f"{frames}, " if frames > 1 else ""
        raise DataError(
            f"{run.folder.reference_images_path} holds {images.dtype} {images.shape}, not uint8 "
            f"(N, {at_once}height, width, 3)"
        )
    if images.shape[1:] != expected:
        raise DataError(
            f"{run.directory}: the recorded frames are {images.shape[1:]}, the camera in "
            f"dataset.json gives {expected}. The bundle must "
            "name the camera that it was trained for: correct the data set's card, and the run's "
            "copy of it"
        )
    if ego.dtype != np.float32 or ego.shape != (len(images), columns) or not np.isfinite(ego).all():
        raise DataError(
            f"{run.folder.reference_ego_path} holds {ego.dtype} {ego.shape}, not finite float32 "
            f"({len(images)}, {columns})"
        )
    labels = _array(run.folder.reference_labels_path)
    expected_labels = (len(images), *run.task.label_shape)
    if labels.dtype != np.float32 or labels.shape != expected_labels:
        raise DataError(
            f"{run.folder.reference_labels_path} holds {labels.dtype} {labels.shape}, not float32 "
            f"{expected_labels}"
        )
    _, others = build_finished(
        run.config.model_copy(update={"seed": run.config.seed + 1}),
        run.task,
        run.card,
    )
    others.eval().requires_grad_(False)
    return Reference(
        images,
        ego,
        labels,
        outputs=student_outputs(student_of(run), images, ego),
        negative_control=student_outputs(student_of(run, others), images, ego),
    )


def _array(path: Path) -> AnyArray:
    try:
        return load_npy(path)
    except DataError as error:
        raise DataError(
            f"{path} cannot be read: {error}. A finished run holds its reference frames; finish it "
            "with --resume"
        ) from error


def npy(array: AnyArray) -> bytes:
    """An array as the bytes of a file `.npy`."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()
