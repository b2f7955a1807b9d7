"""What goes into a model and what comes out of it, held against its limits: the same for a
vehicle's bundle and a run in a simulator.

Legend: "row": what a model's graph gives for one frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from auxdrive.cards import CameraSpec, InputRange
from auxdrive.checks.numbers import seconds, shown
from auxdrive.ego import EgoLayout
from auxdrive.errors import InputError
from auxdrive.steering import SteeringSpec
from auxdrive.tasks import TASKS
from auxdrive.types import AnyArray, Flag, Float32, Observation, Prediction

_NO_FLAGS: frozenset[Flag] = frozenset()
_NOTHING: dict[str, Any] = {}

_TIME = "the capture time in seconds, on a monotonic clock or since 1970"
_ORDER = "in the order red, green, blue (OpenCV gives BGR: turn it with frame[..., ::-1])"


class Inputs(NamedTuple):
    """An observation that was checked: the image, and plain finite numbers; `ego` holds those of
    each ego input in the model's order.
    """

    image: AnyArray
    time_s: float
    ego: tuple[tuple[float, ...], ...]

    @property
    def ego_row(self) -> list[float]:
        """(E,): the ego inputs side by side."""
        return [value for values in self.ego for value in values]


class Verdict(NamedTuple):
    """What may go out of a prediction: nothing of one that is withheld.

    Attributes:
        fields: those of `Prediction` that hold the model's numbers; none where they are withheld.
        waypoint_times_s, flags, reason: as in `Prediction`.
    """

    fields: dict[str, Any]
    waypoint_times_s: tuple[float, ...]
    flags: frozenset[Flag]
    reason: str

    def prediction(self, time_s: float, latency_ms: float) -> Prediction:
        """What goes out."""
        return Prediction(
            time_s,
            latency_ms,
            waypoint_times_s=self.waypoint_times_s,
            flags=self.flags,
            reason=self.reason,
            **self.fields,
        )


class Gate:
    """Checks observations, and judges predictions by the limits of their task."""

    def __init__(
        self,
        camera: CameraSpec,
        task: str,
        steering: SteeringSpec,
        times_s: tuple[float, ...],
        ego: EgoLayout,
        ranges: Mapping[str, InputRange] | None,
    ) -> None:
        self._shape = (camera.height, camera.width, 3)
        self._times = times_s
        self._ego = ego
        self._bounds = ego.bounds(ranges)
        self._task = TASKS[task]
        self._limit = self._task.limit(steering)

    def check(self, observation: Observation) -> Inputs:
        """Image, time and ego inputs.

        Raises:
            InputError: the image is not uint8 of the camera's size, or a needed number is missing,
                of another type or not finite.
        """
        if not isinstance(observation, Observation):
            raise InputError(f"a model takes an Observation, got {shown(observation)}")
        image: Any = observation.image
        if type(image) is not np.ndarray:
            image = _plain(image, self._shape)
        if image.shape != self._shape or image.dtype != np.uint8:
            raise InputError(_wrong_image(image, self._shape))
        ego = self._ego.read(observation)
        return Inputs(image, seconds("time_s", observation.time_s, _TIME), ego)

    def judge(self, row: Float32 | None, inputs: Inputs, failure: str = "") -> Verdict:
        """What may go out.

        Args:
            row: what the graph gave for one frame, or None where the runtime failed.
            inputs: what was asked.
            failure: why it failed.
        """
        flags, reason, fields = _NO_FLAGS, "", _NOTHING
        if row is None:
            flags, reason = frozenset({Flag.RUNTIME_FAILURE}), failure
        else:
            size = self._task.size(row.tolist(), self._times)
            if size <= self._limit.largest:
                fields = self._task.fields(row)
            else:
                flags, reason = self._refused(size)
        if self._bounds and (outside := self._outside(inputs)):
            flags, reason = (
                flags | {Flag.INPUT_OUT_OF_RANGE},
                "; ".join(filter(None, (reason, outside))),
            )
        return Verdict(fields, self._times, flags, reason)

    def _refused(self, size: float) -> tuple[frozenset[Flag], str]:
        if math.isinf(size):
            return frozenset({Flag.NON_FINITE_OUTPUT}), "the prediction is not finite"
        limit = self._limit
        return frozenset(
            {Flag.OUTPUT_LIMIT}
        ), f"{limit.what}: {size:.4g} {limit.unit}, the limit is {limit.largest:.4g} {limit.unit}"

    def _outside(self, inputs: Inputs) -> str:
        """What of the inputs leaves its bounds; empty where nothing does."""
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


def _plain(image: Any, shape: tuple[int, ...]) -> AnyArray:
    """The array itself under a subclass (a memory map, say)."""
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
