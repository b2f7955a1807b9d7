"""`auxdrive train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive import console
from auxdrive.commands.completing import one_of
from auxdrive.commands.names import names_of
from auxdrive.console import JsonOption

from auxdrive_train.commands.options import (
    AuxOption,
    BackboneOption,
    DataOption,
    EpochsOption,
    MainOption,
    ResumeOption,
    SeedOption,
    SetOption,
    TaskOption,
    TrackOption,
)
from auxdrive_train.methods import METHODS

if TYPE_CHECKING:
    from auxdrive.runs import RunResult

    from auxdrive_train.engine.config import TrainConfig


def train(
    config: Annotated[
        Path | None, typer.Argument(help="The config, a YAML file; options given here win over it.")
    ] = None,
    data: DataOption = None,
    method: Annotated[
        str | None,
        typer.Option(
            help=f"Training method: {', '.join(METHODS)}.", autocompletion=one_of(METHODS)
        ),
    ] = None,
    main: MainOption = None,
    aux: AuxOption = None,
    task: TaskOption = None,
    backbone: BackboneOption = None,
    epochs: EpochsOption = None,
    seed: SeedOption = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="A run with whose weights every network that they fit starts.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's directory; runs/<method> by default.")
    ] = None,
    track: TrackOption = None,
    resume: ResumeOption = False,
    set_: SetOption = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say whether the settings are sound, and train nothing."),
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Train a student (or teacher) on a data set."""
    from auxdrive.errors import UsageError
    from auxdrive.modalities import Modality
    from auxdrive.runs import RunFolder

    from auxdrive_train.commands.training import train_shown
    from auxdrive_train.engine.config_files import load_config

    if resume and out is None:
        raise UsageError("--resume needs --out: the directory of the run to take up")
    overrides = {
        "data": [str(path) for path in data] if data else None, "method": method, "main": main,
        "task": task, "backbone": backbone, "epochs": epochs, "seed": seed,
        "init_from": None if init_from is None else str(init_from),
        "aux": names_of("--aux", aux), "track": names_of("--track", track),
    }  # fmt: skip
    if resume and config is None and out is not None and RunFolder(out).is_run:
        config = RunFolder(out).config_path
    if config is None and not data and not any(given.startswith("data=") for given in set_ or ()):
        raise UsageError("give --data, the data set's directory, or a settings file that names it")
    if config is not None and aux is not None and config.name in tuple(Modality):
        raise UsageError(f"separate modalities by commas: --aux {aux},{config.name}")
    loaded = load_config(config, overrides, set_ or [])
    directory = out or Path("runs") / loaded.method
    if check:
        _tell_sound(loaded, json_output)
        return
    result = train_shown(loaded, directory, resume)
    from auxdrive_train.engine.ranks import is_first_rank  # with torch: not for what is refused

    if not is_first_rank():
        return
    if json_output:
        console.print_json({"run": str(directory), **result.model_dump(mode="json")})
        return
    _show(result, loaded.method, directory)


def _tell_sound(loaded: TrainConfig, json_output: bool) -> None:
    if json_output:
        console.print_json({"config": loaded.model_dump(mode="json")})
    else:
        console.note("the settings are sound")


def _show(result: RunResult, method: str, directory: Path) -> None:
    from auxdrive.inspection.metric_tables import show_roles

    console.note(f"run: {directory}")
    for split, roles in result.metrics.items():
        show_roles(f"{method} on {split}", roles, result.floor.get(split))
    for role, phase in result.roles.items():
        if phase != result.best["phase"]:
            console.note(f"{role}: as it stood at the end of '{phase}'")
