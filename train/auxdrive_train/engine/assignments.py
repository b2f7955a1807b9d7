"""Settings that are given one by one, as `path.to.key=value`."""

from __future__ import annotations

from typing import Any

from auxdrive.errors import ConfigError


def assignment(option: str, text: str) -> tuple[str, str]:
    """The path and the value's text of `path.to.key=value`.

    Args:
        option: the option that it was given to, as it is typed: "--set".
        text: what was typed.

    Raises:
        ConfigError: the text has another form; the message names the option.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"{option} takes path.to.key=value, got '{text}'")
    return path.strip(), value


def put(values: dict[str, Any], path: str, value: Any, where: str) -> None:
    """Set the value at `path.to.key` in nested mappings.

    Args:
        values: is changed.
        path: the keys, separated by points.
        value: what is set.
        where: messages begin with it.

    Raises:
        ConfigError: the path leads through a value that is not a mapping.
    """
    *parents, key = path.split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{where}: '{parent}' is a value, not a group")
        values = inner
    values[key] = value
