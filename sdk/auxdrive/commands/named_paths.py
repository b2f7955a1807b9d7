"""Paths on the command line are named: an empty one, as `--out "$OUT"` gives without the variable,
would stand for the folder in which the command runs.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, get_args, get_type_hints

from auxdrive.errors import UsageError


def with_named_paths(command: Any) -> Any:
    """The same command, and those within it, which refuses empty paths."""
    for within in getattr(command, "commands", {}).values():
        with_named_paths(within)
    if command.callback is not None:
        hints = get_type_hints(inspect.unwrap(command.callback))
        for parameter in command.params:
            if _holds_path(hints.get(parameter.name)):
                _refuse_empty(parameter)
    return command


def _holds_path(hint: Any) -> bool:
    return hint is Path or any(map(_holds_path, get_args(hint)))


def _refuse_empty(parameter: Any) -> None:
    take, name = parameter.handle_parse_result, parameter.opts[0]

    def take_named(context: Any, given: Any, rest: Any) -> Any:
        value = given.get(parameter.name)
        values = value if isinstance(value, tuple | list) else (value,)
        if "" in values and not context.resilient_parsing:  # which completion alone has
            raise UsageError(f"{name} is empty; give a path, or . for the folder that you are in")
        return take(context, given, rest)

    # before the value is made a path, which releases of typer do at different times
    parameter.handle_parse_result = take_named
