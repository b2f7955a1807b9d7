"""What drives: the contract between a model and whoever runs it in a loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Observation, Prediction


class Agent(Protocol):
    """A model that can be driven. A student needs RGB alone; a teacher names the auxiliaries that it must be given.

    Agents come from bundles (`auxdrive.Predictor`) or, for whatever else can be driven, from the entry points of the group
    `auxdrive.agents`: each is a callable `(path, role) -> Agent | None` that answers None for a path that is not its kind.
    """

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def auxiliaries(self) -> tuple[Modality, ...]:
        """Modalities beside RGB that `act` must be given."""

    @property
    def camera(self) -> CameraSpec:
        """The camera that it was trained with; a simulator mounts it."""

    @property
    def steering(self) -> SteeringSpec:
        """The steering limits that it was trained with."""

    @property
    def vehicle(self) -> VehicleSpec:
        """The vehicle that it was trained on."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:
        """Predict from one observation and the stored-format frames of `auxiliaries` (see `MODALITIES`)."""

    def close(self) -> None:
        """Release what it holds."""
