"""Options that several commands of training have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from auxdrive.commands.completing import modality_names, one_of, some_of

from auxdrive_train.models import BACKBONES
from auxdrive_train.tasks import TASKS
from auxdrive_train.trackers import TRACKERS

DataOption = Annotated[
    list[Path] | None,
    typer.Option(help="The data set's directory; repeat it to train on several as one."),
]
MainOption = Annotated[
    str | None,
    typer.Option(help="Modality that the student sees.", autocompletion=one_of(modality_names)),
]
AuxOption = Annotated[
    str | None,
    typer.Option(
        help="Auxiliary modalities, which only training sees, for the methods that use any; "
        "separated by commas.",
        show_default=False,
        autocompletion=some_of(modality_names),
    ),
]
TaskOption = Annotated[
    str | None,
    typer.Option(help=f"What is predicted: {', '.join(TASKS)}.", autocompletion=one_of(TASKS)),
]
BackboneOption = Annotated[
    str | None,
    typer.Option(
        help=f"Network of the encoders: {', '.join(BACKBONES)} (default: the task's recipe).",
        autocompletion=one_of(BACKBONES),
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(help="Epochs that each student trains (default: the task's recipe)."),
]
SeedOption = Annotated[int | None, typer.Option(help="Seed of all random numbers.")]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Take up the run in --out where its last checkpoint stands."),
]
TrackOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help=f"Trackers that are told of every epoch, separated by commas: {', '.join(TRACKERS)}.",
        autocompletion=some_of(TRACKERS),
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting as path.to.key=value; may be repeated."),
]
