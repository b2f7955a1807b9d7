"""How far two implementations of the same student are apart, in units that a driver understands.

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
from auxdrive.predictor import Predictor
from auxdrive.tasks import TASKS
from auxdrive.types import AnyArray, Float32, Float64, Observation, UInt8


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest and the mean difference over frames; infinite where an output is not finite."""

    frames: int
    worst: float
    mean: float
    unit: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The frames under `reference/` and what was predicted from them.

    Attributes:
        images: uint8 (N, H, W, 3). ego: float32 (N, E), columns in the card's order.
        outputs: float32 of the trained student. negative_control: of weights of another seed.
            Shapes as in the module's legend.
    """

    images: UInt8
    ego: Float32
    outputs: Float32
    negative_control: Float32


def differences(task: str, outputs: AnyArray, reference: AnyArray) -> Float64:
    """Per frame (N,) the largest distance of what is predicted, in the task's `parity_unit`:
    degrees at the road wheel, say, or centimetres between corresponding waypoints.

    Raises:
        InputError: the two have different shapes, or shapes that outputs of this task do not have.
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
    """The largest and the mean of `differences`; `worst` is what a card's `parity.measured` and
    `parity.negative_control` state.
    """
    apart = differences(task, outputs, reference)
    return Parity(len(apart), float(apart.max()), float(apart.mean()), TASKS[task].parity_unit)


def read_reference(bundle: Bundle) -> Reference:
    """The reference frames of a bundle.

    Raises:
        BundleError: arrays that are damaged or do not fit the card.
    """
    card = bundle.card
    images = bundle.read_array(REFERENCE_IMAGES)
    n, columns = card.parity.frames, bundle.ego.width
    shape = tuple(int(axis) for axis in card.outputs[0].shape[1:])
    arrays = {
        REFERENCE_IMAGES: (images, (n, card.camera.height, card.camera.width, 3), np.uint8),
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
    """Frames (N, H, W, 3) and their ego columns (N, E) as observations at the card's rate."""
    layout = ego_of(card)
    for index, (image, row) in enumerate(zip(images, ego.tolist(), strict=True)):
        yield Observation(image, index / card.rate_hz, **layout.fields(row))


def predict_all(
    predictor: Predictor, images: UInt8, ego: Float32, deadline_s: float | None = None
) -> Float32:
    """What a predictor's graph gives for N frames, unjudged: (N, 1) or (N, T, 2). See
    `Predictor.raw_output`.

    Raises:
        InputError: frames of another size than the predictor's camera. RuntimeFailure: the runtime
            failed on one, or took longer than `deadline_s` for it.
    """
    shape = tuple(int(axis) for axis in predictor.card.outputs[0].shape[1:])
    outputs = np.empty((len(images), *shape), np.float32)
    for index, observation in enumerate(observations(predictor.card, images, ego)):
        outputs[index] = predictor.raw_output(observation, deadline_s)
    return outputs
