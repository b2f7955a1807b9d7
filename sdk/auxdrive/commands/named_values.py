"""An option that may be repeated and gives a value by name each time: NAME=VALUE."""

from __future__ import annotations

import json
from collections.abc import Sequence

from auxdrive.errors import UsageError


def values_of(option: str, given: Sequence[str] | None, example: str) -> dict[str, object]:
    """The values that were typed, by name. A value is read as JSON, such as `false`, `0.1` or
    `[1, 2]`; what is no JSON is taken as text.

    Args:
        option: as it is typed, for messages: "--sim-option".
        given: what was typed each time; None where the option was not given.
        example: a name and a value, for messages: "tick_s=0.1".

    Raises:
        UsageError: a text is no NAME=VALUE, or a name is given twice.
    """
    found: dict[str, object] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or name in found:
            wrong = "is given twice" if equals else f"write NAME=VALUE, such as {example}"
            raise UsageError(f"{option} {text}: {wrong}")
        found[name] = _value(value)
    return found


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
