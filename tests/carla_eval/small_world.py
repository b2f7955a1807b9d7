"""A small camera, and agents that behave as a test says, for the tests of driving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from auxdrive.cards import VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import Observation, Prediction
from auxdrive_eval.driving.agents.messages import AgentDescription
from auxdrive_eval.simulators.base import DEFAULT_CAMERA
from auxdrive_eval.simulators.embedded.spec import EmbeddedOptions
from auxdrive_eval.simulators.settings import SimulatorSettings

CAMERA = DEFAULT_CAMERA.model_copy(update={"width": 32, "height": 24})
SETTINGS = SimulatorSettings(kind="embedded", options=EmbeddedOptions(traffic=2, camera=CAMERA))


class Agent:
    """A small agent that behaves as a test says, in this process (see
    `auxdrive_eval.driving.drivers.SeatedAgent`).
    """

    def __init__(self, auxiliaries: tuple[Modality, ...] = ()) -> None:
        self.description = AgentDescription(
            name="test agent",
            auxiliaries=auxiliaries,
            camera=CAMERA,
            steering=SteeringSpec(),
            vehicle=VehicleSpec(wheelbase_m=2.8),
            task=None,
            resettable=True,
            fingerprint=None,
        )
        self.begun: list[int] = []
        self.seen: list[tuple[Observation, dict[Modality, Any]]] = []

    def begin(self, seed: int) -> None:
        self.begun.append(seed)

    def output(self) -> str:
        return ""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        self.seen.append(
            (observation, {modality: np.array(frame) for modality, frame in auxiliaries.items()})
        )
        return Prediction(observation.time_s, 1.0, steer_rad=0.3)

    def close(self) -> None:
        pass
