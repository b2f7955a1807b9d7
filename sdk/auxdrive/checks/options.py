"""Options that a user gives by name, or as an object: of controllers, runtimes, the envelope and
measurements.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from auxdrive.checks.numbers import shown
from auxdrive.errors import ConfigError
from auxdrive.mistakes import mistakes_of
from auxdrive.strict import Strict

Checked = TypeVar("Checked", bound=Strict)


def given_options(options: Mapping[str, object] | Strict | None, what: str) -> dict[str, object]:
    """Options as a user gave them, by name.

    Args:
        options: by name, or an object; None stands for the defaults.
        what: they are of, for messages.

    Raises:
        ConfigError: they are something else.
    """
    if not isinstance(options, Mapping | Strict | None):
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
