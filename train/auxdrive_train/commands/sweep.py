"""`auxdrive sweep`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive import console
from auxdrive.commands.completing import some_of
from auxdrive.commands.names import names_of
from auxdrive.commands.workers_options import (
    RayOption,
    RayTakesOption,
    WorkersOption,
    chosen_workers,
)
from auxdrive.console import JsonOption

from auxdrive_train.commands.options import (
    AuxOption,
    BackboneOption,
    DataOption,
    EpochsOption,
    TaskOption,
)
from auxdrive_train.methods import METHODS

if TYPE_CHECKING:
    from auxdrive.comparing.record import Comparison

    from auxdrive_train.sweeping.folder import SweepState


def sweep(
    config: Annotated[
        Path | None,
        typer.Argument(
            help="YAML file with base, methods, seeds and vary; options given here win over it.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The sweep's directory.")] = Path("sweep"),
    data: DataOption = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help=f"Training methods, separated by commas, of {', '.join(METHODS)}.",
            show_default=False,
            autocompletion=some_of(METHODS),
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Seeds of each method, as 0,1,2 or 0-4.", show_default=False),
    ] = None,
    aux: AuxOption = None,
    task: TaskOption = None,
    backbone: BackboneOption = None,
    epochs: EpochsOption = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting as path.to.key=value, or METHOD:path.to.key=value; may be repeated.",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "A setting's values as path.to.key=value,value, or METHOD:...; every combination "
                "is trained; may be repeated."
            )
        ),
    ] = None,
    workers: WorkersOption = None,
    ray: RayOption = None,
    ray_takes: RayTakesOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue the sweep in --out; methods and seeds may be added."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and how far each is; train nothing.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Train methods x seeds x settings, one run each, and compare them."""
    from auxdrive_train.sweeping import SWEEP_NAME, is_sweep
    from auxdrive_train.sweeping.config import load_sweep
    from auxdrive_train.sweeping.sweep import run_sweep, sweep_states, takes_of

    if resume and config is None and is_sweep(out):
        config = out / SWEEP_NAME
    if config is None:
        has_data = data or any(each.startswith("data=") for each in set_ or ())
        _refuse_lacking({"--data": has_data, "--methods": methods, "--seeds": seeds})
    base = {
        "data": [str(path) for path in data] if data else None, "task": task,
        "backbone": backbone, "epochs": epochs, "aux": names_of("--aux", aux),
    }  # fmt: skip
    chosen = names_of("--methods", methods)
    loaded = load_sweep(config, base, chosen, seeds, set_ or [], vary or [])
    if dry_run:
        _show(out, sweep_states(loaded, out), None, json_output)
        return
    stays = f"what is finished is in {out}, and the same command with --resume goes on"
    own = takes_of(loaded) if ray is not None else {}
    with chosen_workers(workers, ray, ray_takes, own) as who, console.interruptible(lambda: stays):
        states = run_sweep(loaded, out, resume, who, console.progress)
    _show(out, states, _compared(out, states), json_output)
    _refuse_unfinished(out, states)


def _refuse_lacking(given: Mapping[str, object]) -> None:
    from auxdrive.errors import UsageError

    lacking = [option for option, value in given.items() if not value]
    if lacking:
        raise UsageError(f"without a file, give {', '.join(lacking)} as well")


def _compared(out: Path, states: Sequence[SweepState]) -> Comparison | None:
    """The comparison of what is finished; None where nothing is, or where it cannot be compared."""
    from auxdrive.comparing.compare import compare
    from auxdrive.errors import UsageError

    if not any(each.state == "finished" for each in states):
        return None
    try:
        return compare([(None, out)])
    except UsageError as error:
        console.note(f"not compared: {error}")
        return None


def _show(
    out: Path, states: Sequence[SweepState], found: Comparison | None, json_output: bool
) -> None:
    from auxdrive.commands.compare import show_comparison

    if json_output:
        runs = [
            {"name": s.name, "path": str(s.path), "state": s.state, "reason": s.reason}
            for s in states
        ]
        comparison = None if found is None else found.model_dump(mode="json")
        console.print_json({"sweep": str(out), "runs": runs, "comparison": comparison})
        return
    if found is None:
        rows = [(each.name, each.state) for each in states]
        console.table(f"{len(states)} runs of {out}", ("run", "state"), rows, text=("state",))
    else:
        console.note(f"{len(states)} runs in {out}")
        show_comparison(found, list(found.main_metrics))


def _refuse_unfinished(out: Path, states: Sequence[SweepState]) -> None:
    from auxdrive.errors import DataError

    lost = [each for each in states if each.state != "finished"]
    if lost:
        told = "\n".join(f"  {each.name}: {each.reason or each.state}" for each in lost)
        raise DataError(
            f"{len(lost)} of {len(states)} runs of {out} are not finished:\n{told}\n"
            "The same command with --resume tries them again"
        )
