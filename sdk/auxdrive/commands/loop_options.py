"""Options of the commands that turn a bundle's predictions into commands: `run` and `bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from auxdrive.commands.completing import one_of
from auxdrive.controllers import CONTROLLERS

ControllerOption = Annotated[
    str | None,
    typer.Option(
        help=f"What turns predictions into commands: {', '.join(CONTROLLERS)}; that of the "
        "model's task by default.",
        show_default=False,
        autocompletion=one_of(CONTROLLERS),
    ),
]
EnvelopeOption = Annotated[
    bool, typer.Option(help="Whether the safety envelope holds the controller.")
]
