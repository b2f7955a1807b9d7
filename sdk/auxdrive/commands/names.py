"""Several names in one option, separated by commas."""

from __future__ import annotations

import re

from auxdrive.errors import UsageError

_SEPARATORS = re.compile(r"[\s;+|/]+")


def names_of(option: str, text: str | None) -> list[str] | None:
    """The names between the commas, in their order; None where the option was not given.

    Args:
        option: as it is typed, for messages: "--aux".
        text: what was typed.

    Raises:
        UsageError: names are separated by something else.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if any(_SEPARATORS.search(name) for name in names):
        parts = [part for name in names for part in _SEPARATORS.split(name) if part]
        raise UsageError(f"{option} '{text}': separate names by commas: {option} {','.join(parts)}")
    return names
