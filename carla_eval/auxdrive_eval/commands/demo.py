"""`auxdrive demo`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import auxdrive.console as console
import typer
from auxdrive.console import JsonOption

if TYPE_CHECKING:
    from auxdrive_eval.demo.findings import Findings
    from auxdrive_eval.demo.settings import DemoSettings

_OF_THE_BUDGET = "(default: that of the budget quick)"


def demo(
    out: Annotated[
        Path, typer.Option(help="The demo's folder; a demo that was stopped is continued.")
    ] = Path("demo"),
    frames: Annotated[
        int | None,
        typer.Option(
            help=f"Frames of the expert, at least 500 {_OF_THE_BUDGET}.", show_default=False
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help=f"Epochs of the first training; later ones are no longer {_OF_THE_BUDGET}.",
            show_default=False,
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            help=f"Rounds in which the student drives {_OF_THE_BUDGET}.", show_default=False
        ),
    ] = None,
    round_frames: Annotated[
        int | None,
        typer.Option(
            "--round-frames", help=f"Frames of each round {_OF_THE_BUDGET}.", show_default=False
        ),
    ] = None,
    routes: Annotated[int, typer.Option(help="Number of unseen routes that each drives.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of everything, 0 to 999.")] = 0,
    workers: Annotated[int, typer.Option(help="Number of processes that record and drive.")] = 2,
    json_output: JsonOption = False,
) -> None:
    """The budget quick from nothing to a page: record the expert, train, go on in rounds of DAgger;
    export and verify the first student and the last; let them and the expert drive unseen routes.
    """
    from auxdrive.extras import modules_of, require_modules
    from auxdrive.storage.publish import write_atomic

    require_modules(*modules_of(("train", "deploy", "sim", "all")))
    from auxdrive_eval.demo.findings import gather
    from auxdrive_eval.demo.report import demo_report
    from auxdrive_eval.demo.stages import demo_in

    settings = _settings(
        frames=frames, epochs=epochs, rounds=rounds, round_frames=round_frames, routes=routes,
        seed=seed, workers=workers,
    )  # fmt: skip
    page = out / "report.html"
    with demo_in(out, settings) as made, console.progress(made.work) as shown:
        made.show(shown)
        stays = f"finished stages are in {out}, and the same command goes on"
        with console.interruptible(lambda: stays):
            made.run()
        findings = gather(made)
        write_atomic(page, demo_report(made, findings).encode())
    if json_output:
        console.print_json({**findings.as_json(), "report": str(page)})
    else:
        _print_findings(findings, page)


def _settings(**given: int | None) -> DemoSettings:
    """The settings of a user's options.

    Raises:
        ConfigError: values are not possible; the message names every option.
    """
    from auxdrive.errors import ConfigError
    from auxdrive.mistakes import mistakes_of
    from pydantic import ValidationError

    from auxdrive_eval.demo.settings import DemoSettings

    try:
        return DemoSettings.model_validate(given)
    except ValidationError as error:
        lines = (line.replace("_", "-", 1) for line in mistakes_of(error))
        raise ConfigError("; ".join(f"--{line}" for line in lines)) from None


def _print_findings(findings: Findings, page: Path) -> None:
    from auxdrive_eval.commands.dagger import show_rounds

    show_rounds(findings.rounds)
    console.line("first student, student and expert (embedded scores are no CARLA scores)")
    for group, found in groupby(findings.rows, key=lambda row: row.group):
        rows = list(found)
        columns = tuple(dict.fromkeys(column for row in rows for column in row.values))
        console.table(
            group,
            ("", *columns),
            [(row.name, *(row.values.get(column, "") for column in columns)) for row in rows],
        )
    console.note(findings.verdict)
    console.note(f"{findings.wall_s:.0f} s in all; report: {page}")
