"""Options that several commands of training share."""

from __future__ import annotations

from typing import Annotated

import typer

ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Take up the run in --out where its last checkpoint stands."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting as path.to.key=value; may be repeated."),
]
