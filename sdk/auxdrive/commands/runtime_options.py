"""Options of the commands that run a bundle's graph."""

from __future__ import annotations

from typing import Annotated

import typer

from auxdrive.commands.completing import one_of
from auxdrive.runtimes import RUNTIMES

RuntimeOption = Annotated[
    str,
    typer.Option(
        help=f"What runs the graph: {', '.join(RUNTIMES)}.", autocompletion=one_of(RUNTIMES)
    ),
]
DeviceOption = Annotated[
    str, typer.Option(help="Where it runs: cpu, or what `auxdrive doctor` lists.")
]
