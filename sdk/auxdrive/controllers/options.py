"""The base of controllers' options, and the types of their numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic import Strict as NoConversion

from auxdrive.strict import Strict

Number = Annotated[float, NoConversion()]
"""An option that is a number; text and truth values are refused."""
Share = Annotated[float, NoConversion(), Field(ge=0, le=1)]


class Options(Strict):
    """Base of a controller's options and their parts: unknown names and numbers that are not finite
    are refused.
    """


class ControllerOptions(Options):
    """Base of a controller's options. Every controller has these two.

    Attributes:
        max_age_s: a prediction whose image is older than this is not driven by.
        safe_stop_brake: the brake (0.1 to 1) while there is no usable prediction.

    Examples:
        >>> from auxdrive import ControllerOptions
        >>> ControllerOptions(max_age_s=0.2).safe_stop_brake
        1.0
    """

    max_age_s: Number = Field(
        default=0.5,
        ge=0.01,
        le=10,
        description="a prediction whose image is older than this is not driven by",
    )
    safe_stop_brake: Number = Field(
        default=1.0, ge=0.1, le=1, description="brake while there is no usable prediction"
    )
