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


def demo(
    out: Annotated[
        Path, typer.Option(help="The demo's folder; a demo that was stopped is continued.")
    ] = Path("demo"),
    frames: Annotated[int, typer.Option(help="Frames to record, at least 500.")] = 16000,
    epochs: Annotated[
        int, typer.Option(help="Epochs of training for each student and for the teacher.")
    ] = 6,
    routes: Annotated[
        int, typer.Option(help="Number of unseen routes that each model drives.")
    ] = 10,
    seed: Annotated[int, typer.Option(help="Seed of everything.")] = 0,
    workers: Annotated[
        int, typer.Option(help="Number of processes that record, train and drive.")
    ] = 2,
    json_output: JsonOption = False,
) -> None:
    """Record data; train the RGB baseline, a SAMD student and its teacher; export and verify; drive
    all three; and write one report.
    """
    from auxdrive.extras import modules_of, require_modules
    from auxdrive.storage.publish import write_atomic

    from auxdrive_eval.demo.findings import gather
    from auxdrive_eval.demo.report import demo_report
    from auxdrive_eval.demo.stages import demo_in

    require_modules(*modules_of(("train", "deploy", "sim", "all")))
    settings = _settings(frames=frames, epochs=epochs, routes=routes, seed=seed, workers=workers)
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


def _settings(**given: int) -> DemoSettings:
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
        raise ConfigError("; ".join(f"--{line}" for line in mistakes_of(error))) from None


def _print_findings(findings: Findings, page: Path) -> None:
    console.line("baseline, student and teacher (embedded scores are no CARLA scores)")
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
