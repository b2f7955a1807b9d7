"""The checks around every call of a model: of the observation that goes in, and of the output that
comes out. Bundles in a vehicle and runs in a simulator share them.

Legend: a "row" is the output of a model's graph for one frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from auxdrive.cards import CameraSpec, InputRange
from auxdrive.checks.numbers import seconds, shown
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import InputError
from auxdrive.output_form import OutputForm
from auxdrive.steering import SteeringSpec
from auxdrive.tasks import TASKS
from auxdrive.types import AnyArray, Flag, Float32, Observation, Prediction

_NO_FLAGS: frozenset[Flag] = frozenset()
_NOTHING: dict[str, Any] = {}

_TIME = "the capture time in seconds, on a monotonic clock or since 1970"
_ORDER = "in the order red, green, blue (OpenCV gives BGR: turn it with frame[..., ::-1])"


class Inputs(NamedTuple):
    """A checked observation.

    Attributes:
        image: uint8 (H, W, 3) of the camera's size.
        time_s: the capture time.
        ego: the numbers of each ego input, in the model's order. All are finite.
    """

    image: AnyArray
    time_s: float
    ego: tuple[tuple[float, ...], ...]

    @property
    def ego_row(self) -> list[float]:
        """The numbers of all ego inputs side by side, E of them."""
        return [value for values in self.ego for value in values]


class Verdict(NamedTuple):
    """What the check of an output found.

    Attributes:
        fields: the fields of `Prediction` that hold the output; empty where it is withheld.
        form: the card's, which `Prediction` repeats.
        flags: as in `Prediction`.
        reason: as in `Prediction`.
        ood_score: as in `Prediction`.
    """

    fields: dict[str, Any]
    form: OutputForm
    flags: frozenset[Flag]
    reason: str
    ood_score: float | None = None

    def prediction(self, time_s: float, latency_ms: float) -> Prediction:
        """The prediction that is given.

        Args:
            time_s: of the observation.
            latency_ms: of the call.
        """
        return Prediction(
            time_s,
            latency_ms,
            waypoint_times_s=self.form.times_s,
            class_names=self.form.class_names,
            flags=self.flags,
            reason=self.reason,
            ood_score=self.ood_score,
            **self.fields,
        )


class Gate:
    """Checks the observations that a model is given, and its outputs by the limits of the task.

    Args:
        camera: that the model was trained with.
        task: what it predicts, a name in `TASKS`.
        steering: the steering limits that it was trained with.
        form: what the card says of its output.
        ego: the ego inputs that it takes.
        ranges: of these inputs in training, by name; None where they are not known.
        most_ood: the largest out-of-distribution score that is not flagged.
        frames: how many images it takes, the current one included.
    """

    def __init__(
        self,
        camera: CameraSpec,
        task: str,
        steering: SteeringSpec,
        form: OutputForm,
        ego: EgoLayout,
        ranges: Mapping[str, InputRange] | None,
        most_ood: float = math.inf,
        frames: int = 1,
    ) -> None:
        self._earlier = frames - 1
        self._shape = (camera.height, camera.width, 3)
        self._form = form
        self._ego = ego
        self._bounds = ego.bounds(ranges)
        self._task = TASKS[task]
        self._limit = self._task.limit(steering)
        self._most_ood = most_ood

    def check(self, observation: Observation) -> Inputs:
        """Check an observation; what the model needs of it.

        Raises:
            InputError: the image is not uint8 of the camera's size, or a number that is needed is
                missing, of another type or not finite.
        """
        if not isinstance(observation, Observation):
            raise InputError(f"a model takes an Observation, got {shown(observation)}")
        image = camera_image(observation.image, self._shape)
        ego = self._ego.read(observation)
        return Inputs(image, seconds("time_s", observation.time_s, _TIME), ego)

    def check_earlier(self, images: Sequence[AnyArray]) -> None:
        """Check earlier images that are given with an observation.

        Raises:
            InputError: there are more or fewer than the model takes, or one is not uint8 of the
                camera's size.
        """
        if len(images) != self._earlier:
            raise InputError(
                f"{len(images)} earlier images were given, and this model takes {self._earlier} "
                "beside the current one"
            )
        for image in images:
            camera_image(image, self._shape)

    def judge(
        self,
        row: Float32 | None,
        inputs: Inputs,
        failure: str = "",
        ood_score: float | None = None,
    ) -> Verdict:
        """Check an output.

        Args:
            row: the output for one frame, of the task's shape; None where the runtime failed.
            inputs: that the model was given.
            failure: why the runtime failed.
            ood_score: that the model gave beside it; None where it gives none.
        """
        flags, reason, fields = _NO_FLAGS, "", _NOTHING
        if row is None:
            flags, reason = frozenset({Flag.RUNTIME_FAILURE}), failure
        else:
            size = self._task.size(row.tolist(), self._form)
            if size <= self._limit.largest:
                fields = self._task.fields(row)
            else:
                flags, reason = self._refused(size)
        if self._bounds and (outside := self._outside(inputs)):
            flags, reason = (
                flags | {Flag.INPUT_OUT_OF_RANGE},
                "; ".join(filter(None, (reason, outside))),
            )
        if ood_score is not None and not ood_score <= self._most_ood:  # NaN exceeds it
            unlike = (
                "the image is unlike those of the training: its out-of-distribution score is "
                f"{ood_score:.4g}, the threshold {self._most_ood:.4g}"
            )
            flags, reason = (
                flags | {Flag.OUT_OF_DISTRIBUTION},
                "; ".join(filter(None, (reason, unlike))),
            )
            ood_score = ood_score if math.isfinite(ood_score) else None
        return Verdict(fields, self._form, flags, reason, ood_score)

    def _refused(self, size: float) -> tuple[frozenset[Flag], str]:
        if math.isinf(size):
            return frozenset({Flag.NON_FINITE_OUTPUT}), "the prediction is not finite"
        limit = self._limit
        return frozenset(
            {Flag.OUTPUT_LIMIT}
        ), f"{limit.what}: {size:.4g} {limit.unit}, the limit is {limit.largest:.4g} {limit.unit}"

    def _outside(self, inputs: Inputs) -> str:
        """Which ego inputs lie outside their bounds, as a sentence; empty where none does."""
        outside = []
        for (name, bounds), values in zip(self._bounds.items(), inputs.ego, strict=True):
            for value, low, high in zip(values, bounds.low, bounds.high, strict=True):
                if not low <= value <= high:
                    of = (
                        "the training range and its margin"
                        if bounds.trained
                        else "any road vehicle"
                    )
                    outside.append(f"{name} {value:.4g} is outside {low:.4g} to {high:.4g}, {of}")
        return "; ".join(outside)


def camera_image(image: Any, shape: tuple[int, ...]) -> AnyArray:
    """A camera's image as a plain array, which is not copied.

    Args:
        image: that was given.
        shape: that it must have, (H, W, 3).

    Raises:
        InputError: it is no array, a masked one, or not uint8 of that shape.
    """
    if type(image) is not np.ndarray:
        image = _plain(image, shape)
    if image.shape != shape or image.dtype != np.uint8:
        raise InputError(_wrong_image(image, shape))
    found: AnyArray = image
    return found


def _plain(image: Any, shape: tuple[int, ...]) -> AnyArray:
    """The plain array of an object of a subclass, such as a memory map.

    Args:
        image: that was given.
        shape: that the model takes, for messages.

    Raises:
        InputError: it is no array, or a masked one.
    """
    if not isinstance(image, np.ndarray):
        raise InputError(
            f"the image is {shown(image)}; give a NumPy array uint8 {shape} (height, width, RGB), "
            f"{_ORDER}"
        )
    if isinstance(image, np.ma.MaskedArray):
        raise InputError(
            "the image is a masked array, and a model sees what is under the mask; give a plain "
            f"array uint8 {shape}"
        )
    return np.asarray(image)


def _wrong_image(image: AnyArray, shape: tuple[int, ...]) -> str:
    if image.dtype != np.uint8:
        return (
            f"the image is {image.dtype}; give uint8 as the camera delivers it, {_ORDER}: the "
            "graph scales it itself"
        )
    return (
        f"the image has the shape {image.shape}, this model takes {shape} (height, width, RGB), "
        f"{_ORDER}. "
        "Resize it, or train for this camera"
    )
