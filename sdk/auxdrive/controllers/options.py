"""The base of controllers' options, and the types of their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from pydantic import Strict as NoConversion

from auxdrive.checks.numbers import shown
from auxdrive.errors import ConfigError
from auxdrive.strict import Strict, mistakes_of

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


Checked = TypeVar("Checked", bound=Options)


def given_options(options: Mapping[str, object] | Options | None, what: str) -> dict[str, object]:
    """Options as a user gave them, by name.

    Args:
        options: by name, or an object; None stands for the defaults.
        what: they are of, for messages.

    Raises:
        ConfigError: they are something else.
    """
    if not isinstance(options, Mapping | Options | None):
        raise ConfigError(f"{what}: the options are {shown(options)}; give them by name")
    return dict(options or {})


def checked_options(
    values: Mapping[str, object], kind: type[Checked], what: str, whole: str = "options"
) -> Checked:
    """Options from values by name.

    Args:
        values: of the options.
        kind: the options' type.
        what: they are of, for messages.
        whole: stands in messages for a mistake that concerns no single option.

    Raises:
        ConfigError: wrong options; the message names all of them.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        mistakes = "; ".join(mistakes_of(error, kind, whole=whole))
        raise ConfigError(f"{what}: {mistakes}") from None
