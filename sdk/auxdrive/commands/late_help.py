"""Help that is put together when it is shown, since what it names takes time to import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _runtime_options() -> str:
    from auxdrive.commands.runtime_options import told_options

    return told_options()


LATE: Mapping[str, Callable[[], str]] = {"--runtime-option": _runtime_options}
"""What is added to an option's help, by the option."""


def with_late_help(command: Any) -> Any:
    """The same command, which adds to the help of its options when its own help is shown. (The list
    of all commands shows no options, and adds nothing.)
    """
    late = [
        (parameter, LATE[option])
        for parameter in command.params
        for option in parameter.opts
        if option in LATE
    ]
    if not late:
        return command
    show = command.format_help

    def format_help(context: Any, formatter: Any) -> None:
        for parameter, told in late:
            parameter.help = f"{parameter.help} {told()}"
        show(context, formatter)

    command.format_help = format_help
    return command
