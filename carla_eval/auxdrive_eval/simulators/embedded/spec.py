"""The embedded simulator's row in the table of simulators. Importing it is cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.cards import CameraSpec
from auxdrive.modalities import Modality
from pydantic import Field, field_validator

from auxdrive_eval.simulators.base import TICK_S, SimulatorOptions, SimulatorSpec
from auxdrive_eval.simulators.embedded.scenarios import chosen_kinds

if TYPE_CHECKING:
    from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

DEFAULT_CAMERA = CameraSpec(width=256, height=144, fov_deg=100.0, x_m=1.7, y_m=0.0, z_m=1.6)
"""Behind the windscreen, 1.7 m ahead of the rear axle. The ego's own body is not drawn."""
SENSED = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)
DEFAULT_TRAFFIC, MOST_TRAFFIC = 20, 500
TICKS_S = (0.005, 0.1)
"""Shortest and longest tick, in seconds."""


class EmbeddedOptions(SimulatorOptions):
    """The settings of the embedded simulator.

    Attributes:
        traffic: number of moving cars.
        scenarios: names of traffic situations with commas between, or 'all': one of each is drawn
            on every route that has room for it.
    """

    camera: CameraSpec = DEFAULT_CAMERA
    tick_s: float = Field(default=TICK_S, ge=TICKS_S[0], le=TICKS_S[1])
    traffic: int = DEFAULT_TRAFFIC
    scenarios: str = ""

    @field_validator("scenarios")
    @classmethod
    def _are_scenarios(cls, scenarios: str) -> str:
        return ",".join(chosen_kinds(scenarios))

    @field_validator("traffic")
    @classmethod
    def _is_a_number_of_cars(cls, traffic: int) -> int:
        if not 0 <= traffic <= MOST_TRAFFIC:
            raise ValueError(f"the number of moving cars is 0 to {MOST_TRAFFIC}, got {traffic}")
        return traffic


def _make(options: EmbeddedOptions, sensors: bool) -> EmbeddedSimulator:
    from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

    return EmbeddedSimulator(
        camera=options.camera,
        render=sensors,
        traffic=options.traffic,
        tick_s=options.tick_s,
        scenarios=chosen_kinds(options.scenarios),
    )


EMBEDDED = SimulatorSpec(
    title="auxdrive's embedded simulator",
    options_type=EmbeddedOptions,
    make=_make,
    sensors=SENSED,
    extra="sim",
    package="panda3d",
)
