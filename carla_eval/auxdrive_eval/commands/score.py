"""`auxdrive score`: a finished run under any rule set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import auxdrive.console as console
import typer
from auxdrive.commands.completing import one_of
from auxdrive.console import JsonOption
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists, is_folder

from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS

if TYPE_CHECKING:
    from auxdrive_eval.scoring.again.rescoring import Rescored
    from auxdrive_eval.scoring.finished_run import Beside, FinishedRun


def score(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="A results file of ours, of CARLA's leaderboards or of Bench2Drive; or a folder "
            "that `auxdrive drive` filled.",
            show_default=False,
        ),
    ],
    rules: Annotated[
        str,
        typer.Option(
            help=f"Rule set: {', '.join(RULE_SETS)}.",
            autocompletion=one_of(RULE_SETS),
        ),
    ] = DEFAULT_RULES,
    corrected: Annotated[
        bool,
        typer.Option(
            "--corrected",
            help="Give beside the leaderboard's figures those that it gets wrong, as they were "
            "meant.",
        ),
    ] = False,
    routes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.xml",
            help="Bench2Drive: the file of routes, for the abilities.",
            show_default=False,
        ),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Bench2Drive: the folder with the towns' OpenDRIVE files, for Traffic_Signs; "
            "needs the extra 'carla'.",
            show_default=False,
        ),
    ] = None,
    metric_info: Annotated[
        Path | None,
        typer.Option(
            "--metric-info",
            metavar="FOLDER",
            help="Bench2Drive: the folder with the agent's metric_info.json files, for the "
            "smoothness.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the results in the form of the rule set's own file; it must not exist.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Score a finished run by any rule set, from the events that its records tell.

    A run that the rule set itself scored keeps its numbers to the last digit. What cannot be known
    of a run under another rule set is told, and not made up.
    """
    from auxdrive_eval.driving.stored.scored_run import read_run
    from auxdrive_eval.scoring.again.rescoring import rescored

    if RULE_SETS[rules].figures is None and any((routes, maps, metric_info)):
        raise UsageError(f"--routes, --maps and --metric-info say nothing to the rule set {rules}")
    if maps is not None and routes is None:
        raise UsageError("--maps is for the routes of a file: give --routes as well")
    if out is not None and exists(out):
        raise UsageError(f"--out {out}: exists already")
    for option, folder in (("--maps", maps), ("--metric-info", metric_info)):
        if folder is not None and not is_folder(folder):
            raise UsageError(f"{option} {folder}: no such folder")
    beside = known_beside(routes, maps, metric_info)
    run = read_run(results)
    found = rescored(run, rules)
    document = _document(run, found, beside, corrected)
    if out is not None:
        write_atomic(out, RULE_SETS[rules].results.text(document).encode())
    if json_output:
        console.print_json(document)
    else:
        _print_tables(run, found, document)
    for note in found.notes:
        console.note(note)
    for note in document["auxdrive"].get("figures", {}).get("missing", ()):
        console.note(note)


def known_beside(routes: Path | None, maps: Path | None, metric_info: Path | None) -> Beside:
    """What is known beside the results file.

    Args:
        routes: the file of routes; None if there is none.
        maps: the folder of the towns' OpenDRIVE files; None if there is none.
        metric_info: the folder of the agent's motion; None if there is none.

    Raises:
        DataError: the file of routes cannot be read, or a route has no scenario.
    """
    from auxdrive_eval.routes import load_routes
    from auxdrive_eval.scoring.finished_run import Beside

    if routes is None:
        return Beside(metric_info=metric_info)
    specs = load_routes(routes)
    for spec in specs:
        if not spec.scenarios:
            raise DataError(
                f"{routes}: the route {spec.route_id} has no scenario: this is no file of "
                "Bench2Drive"
            )
    junctions = None
    if maps is not None:
        from auxdrive_eval.scoring.bench2drive.junctions import Junctions

        junctions = Junctions(specs, maps)
    scenarios = {spec.route_id: spec.scenarios[0].kind for spec in specs}
    return Beside(scenarios, metric_info, junctions)


def _document(
    run: FinishedRun, found: Rescored, beside: Beside, with_corrected: bool
) -> dict[str, Any]:
    """The rule set's document, with what we say of it under the key `auxdrive`."""
    from auxdrive_eval.scoring.again.corrected import corrected

    ours: dict[str, Any] = {
        "scored": run.where,
        "rules": found.rules,
        "scored_before_by": list(found.made_by),
        "notes": list(found.notes),
    }
    if with_corrected:
        ours["corrected"] = corrected(RULE_SETS[found.rules].results, found.records)
    if (figures := RULE_SETS[found.rules].figures) is not None:
        ours["figures"] = figures(run, found.records, beside)
    return {**found.document, "auxdrive": ours}


def _print_tables(run: FinishedRun, found: Rescored, document: dict[str, Any]) -> None:
    rows = []
    for route, record in zip(run.routes, found.records, strict=True):
        scores = record.scores
        infractions = sum(len(messages) for messages in record.infractions.values())
        rows.append(
            (
                record.route_id,
                f"{scores.score_composed:.3f}",
                f"{route.record.scores.score_composed:.3f}",
                f"{scores.score_route:.2f}",
                f"{scores.score_penalty:.4f}",
                infractions,
                record.status,
            )
        )
    console.table(
        f"rule set {found.rules}: {run.where}",
        ("route", "score, of 100", "in the file", "completion, %", "penalty", "infractions",
         "status"),
        rows,
        text=("status",),
    )  # fmt: skip
    form = RULE_SETS[found.rules].results
    console.table(
        f"summary: {document['entry_status']} (infractions: {form.rates} over the routes)",
        ("value", ""),
        list(zip(document["labels"], document["values"], strict=True)),
    )
    ours = document["auxdrive"]
    if "corrected" in ours:
        _print_corrected(**ours["corrected"])
    if "figures" in ours:
        console.table(f"figures of {found.rules}", ("", ""), list(_lines(ours["figures"])))


def _print_corrected(
    what: str, kilometres: float = 0.0, infractions: Mapping[str, float] | None = None
) -> None:
    if infractions is None:
        console.line(f"corrected: {what}")
        return
    console.table(
        f"corrected, beside the above, by {kilometres:.3f} km: {what}",
        ("infractions", "per km"),
        [(name, f"{value:.3f}") for name, value in infractions.items()],
    )


def _lines(figures: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """A line for each figure: where it stands, and its value."""
    for key, value in figures.items():
        name = f"{above}{key}".replace("_", " ")
        if isinstance(value, dict) and "low" in value:
            yield name, _shown(value)
        elif isinstance(value, dict):
            yield from _lines(value, f"{key}: ")
        elif key != "missing":
            yield name, "not known" if value is None else f"{value:.6g}"


def _shown(share: dict[str, float]) -> str:
    low, high = f"{share['low']:.4f}", f"{share['high']:.4f}"
    return low if low == high else f"{low} to {high}"
