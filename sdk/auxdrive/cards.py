"""Cards: what a data set (`dataset.json`) and a bundle (`card.json`) say of themselves. Read
strictly, never executed.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.strict import Strict
from auxdrive.tasks import TASKS

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _known_task(name: str) -> str:
    if name not in TASKS:
        raise ValueError(TASKS.unknown(name))
    return name


TaskName = Annotated[str, AfterValidator(_known_task)]
"""A name in `auxdrive.tasks.TASKS`."""
Pixels = Annotated[int, Field(gt=0, le=8192)]
Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(ge=0.01, le=1000)]
"""Frames per second; no camera that drives takes fewer than one in 100 seconds."""
LEAST_FOV_DEG = 1.0
WHEELBASE_M = (0.01, 100.0)
"""Within which a wheelbase lies, model cars and road trains among them."""


class Card(Strict):
    """Base of the cards: unknown keys and numbers that are not finite are refused, values cannot be
    changed.
    """


class CameraSpec(Card):
    """The camera: size in pixels, horizontal field of view, and where it sits in the ego frame."""

    width: Pixels
    height: Pixels
    fov_deg: float | None = Field(default=None, ge=LEAST_FOV_DEG, lt=180)
    x_m: float = 0.0
    y_m: float = 0.0
    z_m: float = 0.0
    pitch_rad: float = 0.0


class VehicleSpec(Card):
    """What the controller and the labels need of the vehicle.

    max_steer_rate_radps: how fast its road wheels turn at most; controllers command no faster
    change. None: not known, and not limited. A passenger car's driver reaches about 1 rad/s, a
    model car's servo ten times that.
    """

    name: str = "unknown"
    wheelbase_m: float | None = Field(default=None, ge=WHEELBASE_M[0], le=WHEELBASE_M[1])
    max_steer_rate_radps: float | None = Field(default=None, ge=0.01, le=100)


class EpisodeOrigin(Card):
    """Which drive an episode was cut from, and where on that drive's clock its `time_s` of zero
    lies.

    Two things are kept apart here. An episode is uninterrupted: a sample may span its frames. A
    session, one drive, is independent of every other one: frames of one session may be nearly equal
    although they stand in different episodes, frames of two are not.
    """

    session: str = Field(min_length=1, max_length=1000)
    start_s: float = 0.0


class DatasetCard(Card):
    """`dataset.json`. `splits` maps a split's name to episode ids; an episode stands in at most one
    split.

    `episodes` says of which session an episode is; one that is not named there is a session of its
    own, as a simulator's are. `apart_s` says of each split how long before or after the nearest
    frame of any other split its frames were taken, in seconds, at least; null where it shares no
    session with another. It is written where splits are made, and `auxdrive inspect` measures it
    again.
    """

    format: Literal["auxdrive-dataset-1"] = "auxdrive-dataset-1"
    name: str
    rate_hz: Rate
    modalities: tuple[Modality, ...] = Field(min_length=1)
    camera: CameraSpec
    steering: SteeringSpec = SteeringSpec()
    vehicle: VehicleSpec = VehicleSpec()
    source: str = ""
    licence: str = ""
    splits: dict[str, tuple[str, ...]] = Field(default={})
    episodes: dict[str, EpisodeOrigin] = Field(default={})
    apart_s: dict[str, float | None] = Field(default={})


class TensorSpec(Card):
    """One input or output of the graph. A `shape` entry is a number or the name of a free axis."""

    name: str
    shape: tuple[int | str, ...]
    dtype: Literal["uint8", "float32", "int64"]
    unit: str
    frame: str = ""


class PreprocessingSpec(Card):
    """What the graph does to the camera's image, in this order: crop, resize, normalise."""

    crop_top: float = Field(
        default=0.0, ge=0, lt=1, description="rows cut off at the top, as a share of the height"
    )
    crop_bottom: float = Field(
        default=0.0, ge=0, lt=1, description="rows cut off at the bottom, as a share of the height"
    )
    size: tuple[Pixels, Pixels] = Field(
        description="height and width of the network's input, in pixels"
    )
    mean: tuple[float, float, float] = Field(
        default=(0.5, 0.5, 0.5), description="taken off red, green and blue in 0..1"
    )
    std: tuple[Positive, Positive, Positive] = Field(
        default=(0.25, 0.25, 0.25), description="what they are then divided by"
    )

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.crop_top + self.crop_bottom >= 1:
            raise ValueError(
                f"crop_top {self.crop_top} and crop_bottom {self.crop_bottom} leave no row of the "
                "image"
            )
        return self


class InputRange(Card):
    """The least and the largest value of each column of an ego input in training."""

    low: tuple[float, ...] = Field(min_length=1, max_length=64)
    high: tuple[float, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if len(self.low) != len(self.high) or any(
            low > high for low, high in zip(self.low, self.high, strict=True)
        ):
            raise ValueError(f"low {list(self.low)} and high {list(self.high)} are no range")
        return self


class Provenance(Card):
    """Where the weights come from. `measured_on` says of each split what it is, and how far in time
    it lies from what trained.
    """

    method: str
    backbone: str
    auxiliaries: tuple[Modality, ...] = ()
    role: Literal["student", "teacher"] = "student"
    dataset: str = ""
    dataset_sha256: Sha256
    commit: str = ""
    seed: int
    epochs: int = 0
    auxdrive_version: str
    measured_on: dict[str, str] = Field(default={})


class Interval(Card):
    """A measured value; `low` and `high` bound its 95 % interval where one was computed."""

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""


class ParitySpec(Card):
    """How the exported graph is held against the trained student: files under `reference/` and
    limits in physical units.

    The negative control's outputs come from the same architecture with weights of another seed and
    must fail the same limit.
    """

    frames: int = Field(gt=0, le=4096)
    limit: float = Field(gt=0)
    unit: str = Field(min_length=1, max_length=100)
    measured: float = Field(ge=0)
    negative_control: float = Field(ge=0)


class ModelCard(Card):
    """`card.json` of a bundle. `files` maps every other file's relative path to its SHA-256.

    `metrics` are the student's, by '<split>/<metric>'; `floor` gives by kind (`constant`, `ego`,
    `neighbours`) the same metrics of predictions that need no network, which a student must beat
    before it says anything.

    `input_ranges` gives for every ego input what the training samples held (see
    `auxdrive.ego`). It is null where that was not recorded, as in bundles of before it
    existed; the predictor then flags only what no road vehicle can be asked.
    """

    format: Literal["auxdrive-bundle-1"] = "auxdrive-bundle-1"
    name: str
    task: TaskName
    inputs: tuple[TensorSpec, ...] = Field(min_length=1)
    outputs: tuple[TensorSpec, ...] = Field(min_length=1)
    camera: CameraSpec
    preprocessing: PreprocessingSpec
    steering: SteeringSpec
    vehicle: VehicleSpec = VehicleSpec()
    rate_hz: Rate
    waypoint_times_s: tuple[float, ...] = ()
    input_ranges: dict[str, InputRange] | None = None
    training: Provenance
    parity: ParitySpec
    metrics: dict[str, Interval] = Field(default={})
    floor: dict[str, dict[str, float]] = Field(default={})
    latency: dict[str, Interval] = Field(default={})
    files: dict[str, Sha256] = Field(min_length=1)
