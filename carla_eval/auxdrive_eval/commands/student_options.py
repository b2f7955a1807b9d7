"""The options of `auxdrive collect` that let a student drive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive.commands.completing import one_of
from auxdrive.controllers import CONTROLLERS
from auxdrive.errors import UsageError

if TYPE_CHECKING:
    from auxdrive_eval.collecting.seating import Student

DriverOption = Annotated[
    str | None,
    typer.Option(
        metavar="BUNDLE|RUN",
        help="Let this student (of rounds of DAgger the chosen one) drive, through its own camera, "
        "while the expert's plan is recorded as the label (DAgger).",
        show_default=False,
    ),
]
MixOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="With --driver: the probability with which the expert drives instead, drawn for "
        "stretches of 3 to 8 s; 1 is the expert alone.",
    ),
]
AheadOption = Annotated[
    bool,
    typer.Option(
        help="With --driver: record where the expert would be from each frame on, which the task "
        "waypoints learns from; without, recording is nearly twice as fast.",
    ),
]
RoleOption = Annotated[str, typer.Option(help="With --driver: which network of a run drives.")]
ControllerOption = Annotated[
    str | None,
    typer.Option(
        help=f"With --driver: {', '.join(CONTROLLERS)} (default: that of the model's task).",
        show_default=False,
        autocompletion=one_of(CONTROLLERS),
    ),
]


def chosen_student(
    context: typer.Context,
    driver: str | None,
    mix: float,
    ahead: bool,
    role: str,
    controller: str | None,
) -> Student | None:
    """Who drives beside the expert, from what a user typed; None for the expert alone.

    Args:
        context: of the command.
        driver: a bundle's or run's folder; None if that was not given.
        mix: the probability with which the expert drives a stretch.
        ahead: whether it is recorded where the expert would be from each frame on.
        role: which network of a run.
        controller: name of a controller; None for that of the model's task.

    Raises:
        UsageError: options do not go together.
    """
    from auxdrive_eval.collecting.seating import Student
    from auxdrive_eval.driving.agents import AgentSource
    from auxdrive_eval.driving.settings import DriverSource

    if driver is None:
        alone = [
            name for name in ("mix", "ahead", "role", "controller") if was_typed(context, name)
        ]
        if alone:
            raise UsageError(f"--{alone[0]} goes with --driver: give a bundle or a run")
        return None
    if was_typed(context, "size"):
        raise UsageError("a student sees through its own camera: leave --size out")
    if controller is not None:
        CONTROLLERS[controller]  # refuse a wrong name before anything starts
    return Student(DriverSource(AgentSource(Path(driver), role), controller), mix, ahead)


def was_typed(context: typer.Context, name: str) -> bool:
    """Whether the user typed the option. The source is compared by its name, since typer has its
    own copy of click with an enumeration of its own.

    Args:
        context: of the command.
        name: of its parameter.
    """
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
