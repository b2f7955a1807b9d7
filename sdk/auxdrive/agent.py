"""Agents: the contract between a model that drives and the program that runs it in a loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Observation, Prediction


class Agent(Protocol):
    """A model that can drive a vehicle or a simulated one. A student needs RGB images alone; a
    teacher names the auxiliary modalities that it must be given too.

    A bundle is opened as an agent by `auxdrive.Predictor`. Agents of other kinds come from the
    entry points of the group `auxdrive.agents`. Each entry point is a callable
    `(path, role) -> Agent | None`. It returns None for a path that is not of its kind, and raises a
    `UsageError` for a role that it does not offer (`auxdrive.errors.unknown_name` gives the text).

    Three parts are optional:

    - `fingerprint`, a text or a method without arguments that returns one, identifies what the
      agent is made of. Without it all files under the agent's path are hashed, so an agent whose
      weights lie elsewhere should have one.
    - `task`, a name in `auxdrive.tasks.TASKS`: a controller for another task is then refused before
      anything is driven.
    - `reset` may be missing in agents that were written before it existed: `auxdrive drive` then
      loads the agent anew, in a process of its own, for every route.

    Examples:
        >>> from auxdrive import Agent, CameraSpec, Prediction, SteeringSpec, VehicleSpec
        >>> class Straight:
        ...     name, auxiliaries = "straight ahead", ()
        ...     camera = CameraSpec(width=32, height=24)
        ...     steering, vehicle = SteeringSpec(), VehicleSpec()
        ...
        ...     def reset(self):
        ...         pass
        ...
        ...     def act(self, observation, auxiliaries):
        ...         return Prediction(observation.time_s, latency_ms=0.0, steer_rad=0.0)
        ...
        ...     def close(self):
        ...         pass
        >>> agent: Agent = Straight()
    """

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def auxiliaries(self) -> tuple[Modality, ...]:
        """The modalities beside RGB that `act` must be given."""

    @property
    def camera(self) -> CameraSpec:
        """The camera that it was trained with. A simulator mounts one like it."""

    @property
    def steering(self) -> SteeringSpec:
        """The steering limits that it was trained with."""

    @property
    def vehicle(self) -> VehicleSpec:
        """The vehicle that it was trained on."""

    def reset(self) -> None:
        """Forget what was seen so far: a new route begins, and its result must not depend on the
        routes that were driven before.
        """

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, AnyArray]) -> Prediction:
        """Predict from one observation.

        Args:
            observation: of this moment.
            auxiliaries: a frame of each modality of the agent's `auxiliaries`, in the stored
                format, whose shapes and units stand in `MODALITIES`.
        """

    def close(self) -> None:
        """Release memory, files and devices."""
