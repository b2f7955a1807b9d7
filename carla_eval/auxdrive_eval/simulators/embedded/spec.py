"""The embedded simulator's row in the table of simulators. Importing it is cheap."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxdrive.cards import CameraSpec
from auxdrive.modalities import Modality
from pydantic import Field, field_validator, model_validator

from auxdrive_eval.simulators.base import DEFAULT_CAMERA, TICK_S, SimulatorOptions, SimulatorSpec
from auxdrive_eval.simulators.embedded.scenarios import chosen_kinds

if TYPE_CHECKING:
    from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
    from auxdrive_eval.simulators.embedded.town_kits import TownSource

RECORDED = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)
SENSED = (*RECORDED, Modality.INFRARED)
DEFAULT_TRAFFIC, MOST_TRAFFIC = 20, 500
TICKS_S = (0.005, 0.1)
"""Shortest and longest tick, in seconds."""


class ExpertKind(StrEnum):
    """What the expert knows: the whole world, or what its camera sees."""

    ALL_KNOWING = "all_knowing"
    SIGHTED = "sighted"


class EmbeddedOptions(SimulatorOptions):
    """The settings of the embedded simulator.

    Attributes:
        traffic: number of moving cars.
        scenarios: names of traffic situations with commas between, or 'all': one of each is drawn
            on every route that has room for it.
        town: an OpenDRIVE file (.xodr, .xodr.gz), in whose town all routes lie; "" for the towns
            that are generated.
        expert: `all_knowing` is an expert that knows the whole world, `sighted` one that acts on
            what lies in the camera's view; other cars then see the ego enter junctions, instead of
            being asked.
        town_sha256: of that file; it is filled in, and a file that differs from it is refused.
    """

    camera: CameraSpec = DEFAULT_CAMERA
    tick_s: float = Field(default=TICK_S, ge=TICKS_S[0], le=TICKS_S[1])
    traffic: int = DEFAULT_TRAFFIC
    scenarios: str = ""
    town: str = ""
    expert: ExpertKind = ExpertKind.ALL_KNOWING
    town_sha256: str = ""

    @field_validator("traffic")
    @classmethod
    def _is_a_number_of_cars(cls, traffic: int) -> int:
        if not 0 <= traffic <= MOST_TRAFFIC:
            raise ValueError(f"the number of moving cars is 0 to {MOST_TRAFFIC}, got {traffic}")
        return traffic

    @field_validator("scenarios")
    @classmethod
    def _are_scenarios(cls, scenarios: str) -> str:
        return ",".join(chosen_kinds(scenarios))

    @model_validator(mode="before")
    @classmethod
    def _knows_its_town(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("town_sha256"):
            return given
        town = given.get("town")
        if not isinstance(town, str) or not town:
            return given
        from auxdrive_eval.simulators.embedded.opendrive.source import file_sha256

        return {**given, "town_sha256": file_sha256(Path(town))}


def _make(options: EmbeddedOptions, sensors: bool) -> EmbeddedSimulator:
    from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

    return EmbeddedSimulator(
        camera=options.camera,
        render=sensors,
        traffic=options.traffic,
        tick_s=options.tick_s,
        scenarios=chosen_kinds(options.scenarios),
        towns=_towns(options),
        expert=options.expert,
    )


def _towns(options: EmbeddedOptions) -> TownSource | None:
    if not options.town:
        return None
    from auxdrive_eval.simulators.embedded.opendrive.source import OpenDriveTown

    return OpenDriveTown(Path(options.town), options.town_sha256)


EMBEDDED = SimulatorSpec(
    title="auxdrive's embedded simulator",
    options_type=EmbeddedOptions,
    make=_make,
    sensors=SENSED,
    recorded=RECORDED,
    lidar_points=True,
    extra="sim",
    package="panda3d",
)
