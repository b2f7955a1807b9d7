"""What the cards of data sets and of models share: their base, and camera and vehicle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from auxdrive.strict import Strict


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a name stands there twice")
    return names


ClassName = Annotated[str, Field(min_length=1, max_length=100)]
Pixels = Annotated[int, Field(gt=0, le=8192)]
ClassNames = Annotated[tuple[ClassName, ...], Field(max_length=1000), AfterValidator(_each_once)]
"""Names of classes by their ids."""
Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(ge=0.01, le=1000)]
"""Frames per second; no camera that drives a car takes fewer than one in 100 seconds."""
LEAST_FOV_DEG = 1.0
MOST_FRAMES = 8
"""Images that an encoder may see of a sample."""
LONGEST_HISTORY_S = 5.0
WHEELBASE_M = (0.01, 100.0)
"""The least and the largest wheelbase, from model cars to road trains."""


class Card(Strict):
    """Base of the cards and their parts: unknown keys and numbers that are not finite are refused,
    and values cannot be changed.
    """


class CameraSpec(Card):
    """The camera of a data set or a model.

    Attributes:
        width: of its images, in pixels.
        height: of its images, in pixels.
        fov_deg: horizontal field of view; None where it is not known.
        x_m: how far in front of the rear axle it is mounted.
        y_m: how far to the left of the rear axle's middle.
        z_m: how high above the ground.
        pitch_rad: how far it is tilted; positive looks down (a right-handed turn about y).

    Examples:
        >>> from auxdrive import CameraSpec
        >>> CameraSpec(width=320, height=240, fov_deg=90.0, x_m=1.5, z_m=1.6).pitch_rad
        0.0
    """

    width: Pixels
    height: Pixels
    fov_deg: float | None = Field(default=None, ge=LEAST_FOV_DEG, lt=180)
    x_m: float = 0.0
    y_m: float = 0.0
    z_m: float = 0.0
    pitch_rad: float = 0.0


class VehicleSpec(Card):
    """What controllers and labels need to know of the vehicle.

    Attributes:
        name: what it is called.
        wheelbase_m: from axle to axle; None where it is not known. Pure pursuit needs it.
        max_steer_rate_radps: how fast its road wheels can turn; controllers command no faster
            change. None: not known, and not limited. The driver of a passenger car reaches about
            1 rad/s, a model car's servo ten times that.

    Examples:
        >>> from auxdrive import VehicleSpec
        >>> VehicleSpec(name="model car", wheelbase_m=0.26).max_steer_rate_radps is None
        True
    """

    name: str = "unknown"
    wheelbase_m: float | None = Field(default=None, ge=WHEELBASE_M[0], le=WHEELBASE_M[1])
    max_steer_rate_radps: float | None = Field(default=None, ge=0.01, le=100)


class HistorySpec(Card):
    """How many images a model sees at once: the camera's current one and, for motion, earlier ones.
    `auxdrive.history` says which frames these are.

    Attributes:
        frames: how many, the current one included; 1: that one alone.
        gap_s: the time from one to the next.

    Examples:
        >>> from auxdrive.cards import HistorySpec
        >>> HistorySpec(frames=3, gap_s=0.5).longest_s
        1.0
    """

    frames: int = Field(
        default=1,
        ge=1,
        le=MOST_FRAMES,
        description="how many images the student sees at once: the current one and, for motion, "
        "earlier ones (docs/tasks.md)",
    )
    gap_s: float = Field(
        default=0.5, gt=0, description="seconds from one of them to the next, where there are more"
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.longest_s > LONGEST_HISTORY_S:
            raise ValueError(
                f"frames {self.frames} and gap_s {self.gap_s:g} reach {self.longest_s:g} s back, "
                f"and at most {LONGEST_HISTORY_S:g} s are allowed"
            )
        return self

    @property
    def longest_s(self) -> float:
        """How old the oldest image is, in seconds."""
        return (self.frames - 1) * self.gap_s


def without_history(values: Mapping[str, Any], history: HistorySpec) -> dict[str, Any]:
    """What a model is written as, less the field `history` where it is of the current image alone:
    files, their hashes and older readers know of it only where it is used.

    Args:
        values: of the model, by field.
        history: of the model.
    """
    return {key: value for key, value in values.items() if key != "history" or history.frames > 1}
