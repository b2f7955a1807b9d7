"""The options that choose a simulator and say what it is like, for every command that has one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive.commands.completing import one_of
from auxdrive.errors import UsageError

from auxdrive_eval.simulators import SIMULATORS

if TYPE_CHECKING:
    from auxdrive_eval.simulators.settings import SimulatorSettings

SimOption = Annotated[
    str,
    typer.Option(help=f"Simulator: {', '.join(SIMULATORS)}.", autocompletion=one_of(SIMULATORS)),
]
SimSettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sim-option",
        metavar="NAME=VALUE",
        help="An option of the simulator's own, such as tick_s=0.1; once for each.",
        show_default=False,
    ),
]
TrafficOption = Annotated[
    int | None,
    typer.Option(
        help="Number of moving cars (default: the simulator's; embedded: 20).", show_default=False
    ),
]


def chosen_simulator(
    kind: str, options: Sequence[str] | None, traffic: int | None
) -> SimulatorSettings:
    """The settings that a user typed.

    Raises:
        UsageError: no such simulator, it has no such option, or a value is not possible.
    """
    from auxdrive_eval.simulators.settings import simulator_settings

    found: dict[str, object] = {}
    for given in options or ():
        name, equals, value = given.partition("=")
        if not equals or name in found:
            wrong = "is given twice" if equals else "write NAME=VALUE, such as tick_s=0.1"
            raise UsageError(f"--sim-option {given}: {wrong}")
        found[name] = _value(value)
    if traffic is not None:
        if "traffic" in found:
            raise UsageError("give --traffic or --sim-option traffic=..., not both")
        found["traffic"] = traffic
    return simulator_settings(kind, found)


def _value(text: str) -> object:
    """What a user typed: JSON where it is some, else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
