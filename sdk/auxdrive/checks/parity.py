"""How far apart the predictions of two implementations of one student are, in physical units.

Legend: N frames, E numbers of the ego inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from auxdrive.bundles import (
    REFERENCE_EGO,
    REFERENCE_IMAGES,
    REFERENCE_NEGATIVE_CONTROL,
    REFERENCE_OUTPUTS,
    Bundle,
    ego_of,
)
from auxdrive.cards import ModelCard
from auxdrive.errors import BundleError, InputError
from auxdrive.history import current, each_earlier
from auxdrive.predictor import Predictor
from auxdrive.tasks import TASKS
from auxdrive.types import AnyArray, Float32, Float64, Observation, UInt8


@dataclass(frozen=True, slots=True)
class Parity:
    """How far apart predictions are.

    Attributes:
        frames: how many were compared.
        worst: the largest difference; infinite where an output is not finite.
        mean: the mean difference, likewise.
        unit: of both.
    """

    frames: int
    worst: float
    mean: float
    unit: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The frames under `reference/` of a bundle, and predictions from them.

    Attributes:
        images: uint8 (N, H, W, 3), or (N, F, H, W, 3) for a model that takes F images at once, the
            current one first.
        ego: float32 (N, E), the ego inputs side by side in the card's order.
        outputs: float32 (N, ...) in the task's shape, the trained student's predictions.
        negative_control: float32 (N, ...), predictions with weights of another seed.
    """

    images: UInt8
    ego: Float32
    outputs: Float32
    negative_control: Float32


def differences(task: str, outputs: AnyArray, reference: AnyArray) -> Float64:
    """How far apart predictions are in each frame: the largest distance, in the task's
    `parity_unit` (such as centimetres between corresponding waypoints).

    Args:
        task: a name in `TASKS`.
        outputs: (N, ...) in the task's shape.
        reference: (N, ...), those to compare with.

    Returns:
        (N,), infinite where an output is not finite.

    Raises:
        InputError: the two have different shapes, or not the task's.
    """
    spec = TASKS[task]
    if outputs.shape != reference.shape or outputs.ndim != 1 + len(spec.axes) or len(outputs) == 0:
        raise InputError(
            f"{task} outputs (N, {', '.join(spec.axes)}) are compared, got {outputs.shape} and "
            f"{reference.shape}"
        )
    with np.errstate(invalid="ignore"):
        apart = spec.apart(np.asarray(outputs, np.float64) - np.asarray(reference, np.float64))
    per_frame = apart.reshape(len(apart), -1).max(axis=1)
    return np.asarray(np.where(np.isfinite(per_frame), per_frame, np.inf), np.float64)


def compare(task: str, outputs: AnyArray, reference: AnyArray) -> Parity:
    """The largest and the mean of `differences`. A card gives the largest as `parity.measured` and
    `parity.negative_control`.

    Args:
        task: see `differences`.
        outputs: see `differences`.
        reference: see `differences`.
    """
    apart = differences(task, outputs, reference)
    return Parity(len(apart), float(apart.max()), float(apart.mean()), TASKS[task].parity_unit)


def read_reference(bundle: Bundle) -> Reference:
    """The reference frames of a bundle.

    Raises:
        BundleError: an array is damaged or does not fit the card.
    """
    card, camera = bundle.card, bundle.card.camera
    images = bundle.read_array(REFERENCE_IMAGES)
    n, columns = card.parity.frames, bundle.ego.width
    at_once = (card.history.frames,) if card.history.frames > 1 else ()
    shape = tuple(int(axis) for axis in card.outputs[0].shape[1:])
    arrays = {
        REFERENCE_IMAGES: (images, (n, *at_once, camera.height, camera.width, 3), np.uint8),
        REFERENCE_EGO: (bundle.read_array(REFERENCE_EGO), (n, columns), np.float32),
        REFERENCE_OUTPUTS: (bundle.read_array(REFERENCE_OUTPUTS), (n, *shape), np.float32),
        REFERENCE_NEGATIVE_CONTROL: (
            bundle.read_array(REFERENCE_NEGATIVE_CONTROL),
            (n, *shape),
            np.float32,
        ),
    }
    for name, (array, wanted, dtype) in arrays.items():
        if array.shape != wanted or array.dtype != dtype:
            raise BundleError(
                f"{bundle.path / name}: is {array.dtype} {array.shape}, the card says "
                f"{np.dtype(dtype)} {wanted}; export the bundle again"
            )
        if name != REFERENCE_IMAGES and not np.isfinite(array).all():
            raise BundleError(
                f"{bundle.path / name}: holds values that are not finite; export the bundle again"
            )
    return Reference(*(array for array, _, _ in arrays.values()))


def observations(card: ModelCard, images: UInt8, ego: Float32) -> Iterator[Observation]:
    """Frames as observations of the current image, with times at the card's rate.

    Args:
        card: of the model.
        images: uint8 (N, H, W, 3) or (N, F, H, W, 3).
        ego: float32 (N, E), the ego inputs side by side in the card's order.
    """
    layout = ego_of(card)
    for index, (image, row) in enumerate(zip(current(images), ego.tolist(), strict=True)):
        yield Observation(image, index / card.rate_hz, **layout.fields(row))


def predict_all(
    predictor: Predictor, images: UInt8, ego: Float32, deadline_s: float | None = None
) -> Float32:
    """The outputs of a predictor's graph without any check of them (see `Predictor.raw_output`).

    Args:
        predictor: that runs the graph.
        images: uint8 (N, H, W, 3), or (N, F, H, W, 3) for a model that takes F images at once, the
            current one first.
        ego: float32 (N, E), the ego inputs side by side in the card's order.
        deadline_s: for each frame; None for no deadline.

    Returns:
        float32 (N, ...) in the task's shape.

    Raises:
        InputError: the images do not have the size of the predictor's camera.
        RuntimeFailure: the runtime failed on a frame, or took longer than `deadline_s` for it.
    """
    shape = tuple(int(axis) for axis in predictor.card.outputs[0].shape[1:])
    outputs = np.empty((len(images), *shape), np.float32)
    given = zip(observations(predictor.card, images, ego), each_earlier(images), strict=True)
    for index, (observation, earlier) in enumerate(given):
        outputs[index] = predictor.raw_output(observation, deadline_s, earlier)
    return outputs
