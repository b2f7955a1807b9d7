"""`auxdrive dagger`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import auxdrive.console as console
import typer
from auxdrive.commands.completing import one_of
from auxdrive.commands.workers_options import WorkersOption
from auxdrive.console import JsonOption

from auxdrive_eval.dagger.budgets import BUDGETS, config_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auxdrive.runs import Chosen

    from auxdrive_eval.dagger.folder import Round


def _budgets_and_files(incomplete: str) -> list[str]:
    """The budgets' names, and the YAML files and folders beside what was typed."""
    folder = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [
        f"{path}/" if path.is_dir() else str(path)
        for path in found
        if path.is_dir() or path.suffix == ".yaml"
    ]
    return [*one_of(BUDGETS)(incomplete), *one_of(paths)(incomplete)]


def dagger(
    config: Annotated[
        str,
        typer.Argument(
            metavar="BUDGET|FILE",
            help=f"A budget that comes with auxdrive ({', '.join(BUDGETS)}), or your own settings, "
            "a YAML file.",
            show_default=False,
            autocompletion=_budgets_and_files,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The folder of the rounds; rounds that were stopped are continued.")
    ] = Path("dagger"),
    workers: WorkersOption = None,
    json_output: JsonOption = False,
) -> None:
    """From nothing to a student: record the expert, train, and go on in rounds of DAgger: the
    newest student drives while the expert's plan is recorded as the label, and the next one trains
    on all recordings.
    """
    from auxdrive.extras import modules_of, require_modules

    require_modules(*modules_of(("train", "sim")))
    from auxdrive_eval.dagger.loading import load_dagger
    from auxdrive_eval.dagger.rounds import dagger_in

    settings = load_dagger(config_file(config))
    with dagger_in(out, settings, workers or 1) as rounds, console.progress(rounds.work) as shown:
        rounds.show(shown)
        stays = f"finished stages are in {out}, and the same command goes on"
        with console.interruptible(lambda: stays):
            rounds.run()
        table, chosen = rounds.rounds, rounds.chosen
    if json_output:
        rows = [each.model_dump(mode="json") for each in table]
        console.print_json({"out": str(out), "rounds": rows, "chosen": chosen.model_dump()})
    else:
        show_rounds(table)
        console.note(f"{in_words(chosen)}; `auxdrive export {out}` takes it")


def in_words(chosen: Chosen) -> str:
    """Which run is the result.

    Args:
        chosen: a run, and why.
    """
    return f"chosen: {chosen.run} ({chosen.why})"


def show_rounds(rounds: Sequence[Round]) -> None:
    """Print the table of rounds.

    Args:
        rounds: round 0 first.
    """
    metric = next((each.metric for each in rounds if each.metric), "metric")
    columns = (
        "round",
        "mix",
        "frames",
        "in all",
        "episodes with mistakes, %",
        "frames around mistakes, %",
        f"validation {metric}",
        "driving score, of 100",
        "route completion, %",
        "minutes",
        "chosen",
    )
    console.table("rounds", columns, [_row(each) for each in rounds])


def _row(each: Round) -> tuple[object, ...]:
    made = each.mistakes
    return (
        each.number,
        each.mix,
        each.frames,
        each.frames_in_all,
        None if made is None else _percent(made.episodes, each.episodes),
        None if made is None else _percent(made.frames_near, each.frames),
        None if each.open_loop is None else f"{each.open_loop:.4g}",
        None if each.driving_score is None else f"{each.driving_score:.1f}",
        None if each.route_completion is None else f"{each.route_completion:.1f}",
        f"{each.seconds / 60:.1f}",
        "yes" if each.chosen else None,
    )


def _percent(part: int, whole: int | None) -> str | None:
    return f"{100 * part / whole:.0f}" if whole else None
