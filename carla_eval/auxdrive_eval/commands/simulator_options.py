"""The options that choose a simulator and its settings, for every command that has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive.commands.completing import one_of
from auxdrive.commands.named_values import values_of
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
        help="An option of the simulator, such as tick_s=0.1; may be repeated.",
        show_default=False,
    ),
]
TrafficOption = Annotated[
    int | None,
    typer.Option(
        help="Number of moving cars (default: the simulator's own, 20 for 'embedded').",
        show_default=False,
    ),
]


def chosen_simulator(
    kind: str, options: Sequence[str] | None, traffic: int | None
) -> SimulatorSettings:
    """Settings from what a user typed.

    Args:
        kind: name of the simulator.
        options: of the form NAME=VALUE; a value is read as JSON if it is JSON, else as text.
        traffic: number of moving cars, which is an option of its own; None is the simulator's
            default.

    Raises:
        UsageError: there is no such simulator or option, or a value is not possible.
    """
    from auxdrive_eval.simulators.settings import simulator_settings

    found = values_of("--sim-option", options, "tick_s=0.1")
    if traffic is not None:
        if "traffic" in found:
            raise UsageError("give --traffic or --sim-option traffic=..., not both")
        found["traffic"] = traffic
    return simulator_settings(kind, found)
