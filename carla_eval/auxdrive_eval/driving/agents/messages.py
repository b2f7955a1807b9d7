"""What an agent says about itself and what it predicts. It is checked twice: in the agent's process
and in ours.

Legend: T waypoints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
from auxdrive.agent import Agent
from auxdrive.cards import CameraSpec, TaskName, VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.strict import Strict
from auxdrive.types import Flag, Float64, Observation, Prediction
from pydantic import BaseModel

MOST_WAYPOINTS = 1000
IMAGE = "image"
"""The image's name among the arrays of a message; auxiliary modalities have their own names."""
OBSERVED = tuple(field.name for field in fields(Observation) if field.name != IMAGE)
"""The numbers of an observation, which are sent in the head of a message."""


class AgentDescription(Strict):
    """What must be known about an agent before it drives. For `name`, `auxiliaries`, `camera`,
    `steering` and `vehicle` see `auxdrive.agent.Agent`.

    Attributes:
        task: see `auxdrive.agent.Agent`; None if the agent names none.
        resettable: whether it has `reset()`, so that it can drive several routes without being
            loaded again.
        fingerprint: the fingerprint that the agent states; None if it states none.
    """

    name: str
    auxiliaries: tuple[Modality, ...]
    camera: CameraSpec
    steering: SteeringSpec
    vehicle: VehicleSpec
    task: TaskName | None
    resettable: bool
    fingerprint: str | None


def describe(agent: Agent) -> AgentDescription:
    """The description of a loaded agent.

    Raises:
        ValueError: its attributes are not what the protocol asks for.
        Exception: whatever its attributes raise.
    """
    given = getattr(agent, "fingerprint", None)
    return AgentDescription(
        name=str(agent.name),
        auxiliaries=tuple(Modality(modality) for modality in agent.auxiliaries),
        camera=_plain(agent.camera, CameraSpec),
        steering=_plain(agent.steering, SteeringSpec),
        vehicle=_plain(agent.vehicle, VehicleSpec),
        task=getattr(agent, "task", None),
        resettable=callable(getattr(agent, "reset", None)),
        fingerprint=(given() if callable(given) else given) or None,  # an empty one counts as none
    )


def _plain(value: Any, kind: type[BaseModel]) -> Any:
    if not isinstance(value, kind):
        raise ValueError(
            f"the agent gives a {type(value).__name__} where a {kind.__name__} belongs"
        )
    return kind.model_validate(value.model_dump())


class PredictionMessage(Strict):
    """A prediction as it is sent through the pipe: lists of plain, finite numbers."""

    time_s: float
    latency_ms: float
    steer_rad: float | None
    waypoints_ego_m: tuple[tuple[float, float], ...] | None
    waypoint_times_s: tuple[float, ...]
    flags: tuple[Flag, ...]
    values: dict[str, Any]
    ood_score: float | None

    def prediction(self) -> Prediction:
        """The prediction for the controller."""
        waypoints = (
            None if self.waypoints_ego_m is None else np.array(self.waypoints_ego_m, np.float32)
        )
        flags = frozenset(self.flags)
        return Prediction(
            self.time_s,
            self.latency_ms,
            self.steer_rad,
            waypoints,
            self.waypoint_times_s,
            flags,
            values={name: np.array(numbers, np.float32) for name, numbers in self.values.items()},
            ood_score=self.ood_score,
        )


def message_of(prediction: Any) -> PredictionMessage:
    """The message of a prediction. Numbers that are not finite are withheld and flagged, as by
    `auxdrive.Predictor`.

    Raises:
        TypeError: this is not a prediction; the message says what it is.
        ValueError: the prediction cannot be used; the message says why.
    """
    if not isinstance(prediction, Prediction):
        raise TypeError(
            f"act() returned a {type(prediction).__name__}; it must return an "
            "auxdrive.types.Prediction"
        )
    flags = {Flag(flag) for flag in prediction.flags}
    steer_rad, waypoints = prediction.steer_rad, prediction.waypoints_ego_m
    times: tuple[float, ...] = ()
    if steer_rad is not None and waypoints is not None:
        raise ValueError(
            "act() returned a steering angle and waypoints; a prediction holds one of them"
        )
    if steer_rad is not None:
        steer_rad = _number("steer_rad", steer_rad)
        if not math.isfinite(steer_rad):
            steer_rad, flags = None, flags | {Flag.NON_FINITE_OUTPUT}
    if waypoints is not None:
        waypoints, times = _waypoints(waypoints, prediction.waypoint_times_s)
        if waypoints is None:
            flags |= {Flag.NON_FINITE_OUTPUT}
    values = {str(name): _values(name, numbers) for name, numbers in prediction.values.items()}
    if not all(np.isfinite(numbers).all() for numbers in values.values()):
        values, flags = {}, flags | {Flag.NON_FINITE_OUTPUT}
    time_s = _number("time_s", prediction.time_s)
    if not math.isfinite(time_s):
        raise ValueError(
            f"act() returned a prediction of the time {time_s}; give the observation's"
        )
    latency_ms = _number("latency_ms", prediction.latency_ms)
    ood_score = prediction.ood_score
    if ood_score is not None:
        ood_score = _number("ood_score", ood_score)
        if not math.isfinite(ood_score):
            ood_score, flags = None, flags | {Flag.OUT_OF_DISTRIBUTION}
    return PredictionMessage(
        time_s=time_s,
        latency_ms=latency_ms if math.isfinite(latency_ms) else 0.0,
        steer_rad=steer_rad,
        waypoints_ego_m=waypoints,
        waypoint_times_s=times,
        flags=tuple(sorted(flags)),
        values={name: numbers.tolist() for name, numbers in values.items()},
        ood_score=ood_score,
    )


def _number(name: str, value: Any) -> float:
    if isinstance(value, str | bytes | bool | np.bool_):
        raise TypeError(
            f"act() returned a prediction whose {name} is the {type(value).__name__} "
            f"{value!r:.60}; it must be a number"
        )
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(
            f"act() returned a prediction whose {name} is no number: {error}"
        ) from error


def _values(name: str, value: Any) -> Float64:
    """The numbers of an output that has no field of its own in `Prediction`."""
    given = np.asarray(value)
    if given.dtype.kind not in "iuf":
        raise TypeError(
            f"act() returned a prediction whose {name} is {given.dtype}; it must be real numbers"
        )
    return given.astype(np.float64)


def _waypoints(value: Any, times: Iterable[float]) -> tuple[Any, tuple[float, ...]]:
    """(pairs, times); the pairs are None if one is not finite."""
    given = np.asanyarray(value)
    if (
        given.dtype.kind not in "iufO"
    ):  # booleans, text, complex numbers and dates are converted by NumPy, and are no metres
        raise TypeError(
            f"act() returned waypoints of the type {given.dtype}; they must be real numbers"
        )
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are withheld
        if isinstance(given, np.ma.MaskedArray):
            # masked values are not known
            given = np.ma.filled(np.ma.array(given, dtype=np.float64), np.nan)
        array = np.asarray(given, np.float64).astype(np.float32)
    if array.ndim != 2 or array.shape[1] != 2 or not 2 <= len(array) <= MOST_WAYPOINTS:
        raise ValueError(
            f"act() returned waypoints of the shape {array.shape}; they are (T, 2) with T from 2 "
            f"to {MOST_WAYPOINTS}"
        )
    seconds = tuple(_number("waypoint_times_s", time_s) for time_s in times)
    if len(seconds) != len(array):
        raise ValueError(
            f"act() returned {len(array)} waypoints with {len(seconds)} times; each needs one"
        )
    if not all(math.isfinite(time_s) for time_s in seconds):
        raise ValueError(f"act() returned waypoints with the times {seconds}; they must be finite")
    return (array.tolist() if np.isfinite(array).all() else None), seconds
