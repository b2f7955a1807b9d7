"""CARLA's row in the table of simulators. Importing it is cheap, and needs no `carla`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.cards import CameraSpec
from auxdrive.modalities import Modality
from auxdrive.steering import MAX_STEER_RANGE_DEG
from pydantic import Field, field_validator

from auxdrive_eval.simulators.base import DEFAULT_CAMERA, TICK_S, SimulatorOptions, SimulatorSpec
from auxdrive_eval.simulators.embedded.scenarios import chosen_kinds

if TYPE_CHECKING:
    from auxdrive_eval.simulators.carla.simulator import CarlaSimulator

SENSED = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)
MOST_TRAFFIC = 500


class CarlaOptions(SimulatorOptions):
    """The settings of CARLA. Where the server is and how long it may take decides no result, and is
    stored in no folder: a drive may be resumed with another server.

    Attributes:
        town: of random routes.
        traffic: number of other vehicles, which the traffic manager drives.
        pedestrians: number of pedestrians, who walk along the pavements.
        scenarios: names of traffic situations with commas between, or 'all': one of each is drawn
            on every route that has room for it, besides those that the route names.
        crossing: the share of them who cross the street now and then, from 0 to 1.
        ego: blueprint of the ego.
        max_steer_deg: the angle of its front wheels at CARLA's steer of 1.
        modalities: what it can sense; each that is not needed saves the server's time.
        host: of the server.
        port: of the server. Of several processes with `carla_root`, each takes the next port (10
            farther on) that no other one uses.
        carla_root: folder of an installed CARLA, from which a server is started where none answers;
            empty to wait for one.
        traffic_port: of the traffic manager; None takes a free one.
        timeout_s: how long a call or a tick may take.
        loading_s: how long loading a town may take.
        sensor_timeout_s: how long a frame of a sensor may take after its tick.
        wait_s: how long to wait for a server that does not answer.
    """

    camera: CameraSpec = DEFAULT_CAMERA
    tick_s: float = Field(default=TICK_S, ge=0.005, le=0.1)
    town: str = "Town01"
    traffic: int = Field(default=20, ge=0, le=MOST_TRAFFIC)
    pedestrians: int = Field(default=0, ge=0, le=MOST_TRAFFIC)
    scenarios: str = ""
    crossing: float = Field(default=0.0, ge=0.0, le=1.0)
    ego: str = "vehicle.lincoln.mkz_2020"
    max_steer_deg: float = Field(default=70.0, ge=MAX_STEER_RANGE_DEG[0], le=MAX_STEER_RANGE_DEG[1])
    modalities: tuple[Modality, ...] = SENSED
    host: str = Field(default="127.0.0.1", exclude=True)
    port: int = Field(default=2000, ge=1, le=65535, exclude=True)
    carla_root: str = Field(default="", exclude=True)
    traffic_port: int | None = Field(default=None, ge=1, le=65535, exclude=True)
    timeout_s: float = Field(default=20.0, gt=0, exclude=True)
    loading_s: float = Field(default=120.0, gt=0, exclude=True)
    sensor_timeout_s: float = Field(default=10.0, gt=0, exclude=True)
    wait_s: float = Field(default=60.0, ge=0, exclude=True)

    def __eq__(self, other: object) -> bool:
        """Whether the same worlds follow from both, wherever their servers are."""
        return isinstance(other, CarlaOptions) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        """Equal for equal options."""
        return hash((self.town, self.traffic, self.ego))

    @field_validator("scenarios")
    @classmethod
    def _are_scenarios(cls, scenarios: str) -> str:
        return ",".join(chosen_kinds(scenarios))

    @field_validator("modalities", mode="before")
    @classmethod
    def _are_sensed(cls, given: object) -> tuple[Modality, ...]:
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list | tuple):
            names = []
        found = tuple(modality for modality in SENSED if modality.value in names)
        if not names or len(found) != len(names):
            raise ValueError(f"some of {', '.join(SENSED)}, each once; got {given}")
        return found


def _make(options: CarlaOptions, sensors: bool) -> CarlaSimulator:
    from auxdrive_eval.simulators.carla.simulator import CarlaSimulator

    return CarlaSimulator(options, sensors=sensors)


CARLA = SimulatorSpec(
    title="CARLA",
    options_type=CarlaOptions,
    make=_make,
    sensors=SENSED,
    lidar_points=True,
    caveat="CARLA scores, with auxdrive's own playing of the scenarios",
    extra="carla",
    package="carla",
    takes={"carla": 1.0},
)
