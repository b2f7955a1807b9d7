"""The settings of augmentation."""

from __future__ import annotations

from auxdrive.strict import Strict
from pydantic import Field


class AugmentConfig(Strict):
    """`augment:` in the config: random changes of training samples.

    Without `speed_noise`, a student learns to read from the speed what it should see in the image:
    a fast car goes straight, a standing car stays (causal confusion, de Haan et al. 2019). The
    noise is added to the speed and is not a share of it, so that it also disturbs samples at rest.
    With a share, a standing car's speed would stay zero, and the student would never have to look
    whether the light is green. `speed_dropout` goes further: the speed says nothing at all then.
    """

    mirror: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="probability that a sample, with its label, is mirrored left to right",
    )
    brightness: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="x: a factor from 1 - x to 1 + x, drawn for each sample",
    )
    contrast: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="x: likewise, a factor on differences from the image's mean grey",
    )
    saturation: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="x: likewise, a factor on differences from each pixel's grey",
    )
    gamma: float = Field(
        default=0.0,
        ge=0,
        le=4,
        description=(
            "x: an exponent from 1 / (1 + x) to 1 + x, drawn for each sample, uniform in its "
            "logarithm"
        ),
    )
    noise: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description=(
            "standard deviation of Gaussian noise in each pixel and channel, as a share of the "
            "largest value"
        ),
    )
    speed_noise: float = Field(
        default=0.0,
        ge=0,
        le=30,
        description=(
            "standard deviation, in m/s, of Gaussian noise that is added to the speed that the "
            "network is given"
        ),
    )
    speed_dropout: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description=(
            "probability that a sample is given the speed, and the time since it stands, of "
            "another sample of the batch: what it predicts must then come from the image"
        ),
    )

    view_shift: float = Field(
        default=0.0,
        ge=0,
        le=5,
        description=(
            "x: samples are shown from -x to x metres to the left of where the car was, drawn for "
            "each, with labels that lead back (docs/recipe.md)"
        ),
    )
    view_turn: float = Field(
        default=0.0,
        ge=0,
        le=45,
        description="x: likewise, turned to the left by -x to x degrees",
    )
    view_recover: float = Field(
        default=10.0,
        ge=1,
        le=100,
        description=(
            "after how many metres the angle of a sample that is shown from another place leads "
            "back to the path, for the task steering"
        ),
    )

    @property
    def moves_views(self) -> bool:
        """Whether samples are shown from other places."""
        return self.view_shift > 0 or self.view_turn > 0

    @property
    def photometric(self) -> bool:
        """Whether light in the RGB image is changed at all."""
        return any(
            value > 0
            for value in (self.brightness, self.contrast, self.saturation, self.gamma, self.noise)
        )
