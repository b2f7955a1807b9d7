"""The options that choose a simulator and its settings, for every command that has one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive.commands.completing import one_of, some_of
from auxdrive.commands.named_values import values_of
from auxdrive.commands.names import names_of
from auxdrive.errors import UsageError

from auxdrive_eval.condition_names import ALL, CONDITION_NAMES
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
ConditionsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help=f"Some of {', '.join(CONDITION_NAMES)}, with commas between, or 'all', in place of "
        "the routes' own weathers: recordings take turns, drives have each route in each.",
        show_default=False,
        autocompletion=some_of((*CONDITION_NAMES, ALL)),
    ),
]
TownOption = Annotated[
    str | None,
    typer.Option(
        metavar="TOWN",
        help=(
            "For embedded, an OpenDRIVE map (.xodr, .xodr.gz), in whose town all routes lie; for "
            "carla, the town of random routes."
        ),
        show_default=False,
    ),
]
HostOption = Annotated[
    str | None,
    typer.Option(help="Where CARLA's server runs (default: 127.0.0.1).", show_default=False),
]
PortOption = Annotated[
    int | None,
    typer.Option(help="Port of CARLA's server (default: 2000).", show_default=False),
]
CarlaRootOption = Annotated[
    str | None,
    typer.Option(
        "--carla-root",
        metavar="FOLDER",
        help="An installed CARLA, from which each process starts a server where none answers.",
        show_default=False,
    ),
]
ScenarioFileOption = Annotated[
    Path | None,
    typer.Option(
        "--scenario-file",
        metavar="FILE.json",
        help="Scenarios of leaderboard 1.0: the routes run those that they meet.",
        show_default=False,
    ),
]
ScenariosOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...|all",
        help="Traffic situations such as DynamicObjectCrossing: one of each is drawn on every "
        "route that has room for it (default: none).",
        show_default=False,
    ),
]


def chosen_conditions(text: str | None) -> tuple[str, ...]:
    """The conditions that a user typed; none where none were typed.

    Raises:
        UsageError: one is unknown.
    """
    from auxdrive_eval.conditions import parse_conditions

    return parse_conditions(names_of("--conditions", text) or ())


def chosen_simulator(
    kind: str,
    options: Sequence[str] | None,
    traffic: int | None,
    host: str | None = None,
    port: int | None = None,
    carla_root: str | None = None,
    town: str | None = None,
    *,
    scenarios: str | None = None,
) -> SimulatorSettings:
    """Settings from what a user typed.

    Args:
        kind: name of the simulator.
        options: of the form NAME=VALUE; a value is read as JSON if it is JSON, else as text.
        traffic: number of moving cars, which is an option of its own; None is the simulator's
            default.
        host: of a simulator that has a server.
        port: of a simulator that has a server.
        carla_root: from where CARLA's server is started.
        scenarios: names of traffic situations, which are an option of their own too; None is the
            simulator's default.
        town: a map or the name of a town, by the simulator; None is its default.

    Raises:
        UsageError: there is no such simulator or option, or a value is not possible.
        DataError: the map cannot be read.
    """
    from auxdrive_eval.simulators.settings import simulator_settings

    found = values_of("--sim-option", options, "tick_s=0.1")
    own = {
        "traffic": traffic,
        "host": host,
        "port": port,
        "carla_root": carla_root,
        "scenarios": scenarios,
        "town": town,
    }
    for name, value in own.items():
        if value is not None and name in found:
            option = name.replace("_", "-")
            raise UsageError(f"give --{option} or --sim-option {name}=..., not both")
    found |= {name: value for name, value in own.items() if value is not None}
    return simulator_settings(kind, found)
