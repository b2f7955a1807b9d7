"""What drives: the contract between a model and whoever runs it in a loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Observation, Prediction


class Agent(Protocol):
    """A model that can be driven. A student needs RGB alone; a teacher names the auxiliaries that
    it must be given.

    Agents come from bundles (`auxdrive.Predictor`) or, for whatever else can be driven, from the
    entry points of the group `auxdrive.agents`: each is a callable `(path, role) -> Agent | None`
    that returns None for a path that is not its kind, and refuses a role that it does not offer
    with a `UsageError` (`auxdrive.errors.unknown_name` words it).

    Three more attributes are looked at where an agent has them:

    - `fingerprint`, a text or a method without arguments that returns one: what the agent is made
      of. Without it all files under its path are hashed, so an agent whose weights lie elsewhere
      should have one.
    - `task`, a name of `auxdrive.tasks.TASKS`: a controller of another task is then refused before
      anything is driven.
    - `reset` may be missing in an agent that was written before it existed: `auxdrive drive` then
      loads it anew, in a process of its own, for every route.
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

    def reset(self) -> None:
        """A new route begins: forget what was seen so far. Results may not depend on the routes
        that were driven before.
        """

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:
        """Predict from one observation and the stored-format frames of `auxiliaries`, whose shapes
        and units stand in `MODALITIES`.
        """

    def close(self) -> None:
        """Release what it holds."""
