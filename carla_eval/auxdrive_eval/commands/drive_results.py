"""What came of an evaluation: its page, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import auxdrive.console as console
from auxdrive.storage.publish import write_atomic

from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.route import tally_of
from auxdrive_eval.driving.tally import what_became
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.repeats import scores_in_words
from auxdrive_eval.scoring.rule_sets import in_a_simulator

REPORT_NAME = "report.html"


def tell(folder: Path, evaluation: Evaluation, json_output: bool) -> None:
    """Write an evaluation's report into its folder, and print the results.

    Args:
        folder: the evaluation's folder.
        evaluation: all of whose routes are finished.
        json_output: whether to print the results document instead of tables.
    """
    report = write_report(folder, evaluation)
    if json_output:
        console.print_json(evaluation.document)
    else:
        print_tables(evaluation)
    note_what_went_wrong(evaluation)
    console.note(f"report: {report}")


def write_report(folder: Path, evaluation: Evaluation) -> Path:
    """Write the report of an evaluation into its folder, and return its path.

    Args:
        folder: the evaluation's folder.
        evaluation: all of whose routes are finished.
    """
    path = folder / REPORT_NAME
    write_atomic(path, drive_report(evaluation).encode())
    return path


def print_tables(evaluation: Evaluation) -> None:
    """Print the results of an evaluation."""
    simulator = evaluation.settings.simulator
    kind = simulator.kind
    rows = []
    for route, driven in zip(evaluation.routes, evaluation.driven, strict=True):
        record = driven.record
        infractions = sum(len(messages) for messages in record.infractions.values())
        scores = (
            f"{record.scores.score_composed:.1f}",
            f"{record.scores.score_route:.1f}",
            f"{record.scores.score_penalty:.3f}",
        )
        rows.append((f"{route.route_id} ({route.town})", *scores, infractions, record.status))
    title = f"{kind} scores, rule set {evaluation.settings.rules} ({simulator.spec.caveat})"
    console.table(
        title, ("route", "score, of 100", "completion, %", "penalty", "infractions", "status"), rows
    )
    document, form = evaluation.document, RULE_SETS[evaluation.settings.rules].results
    console.table(
        f"{kind} summary: {document['entry_status']} (infractions: {form.rates} over the routes)",
        ("value", ""),
        list(zip(document["labels"], document["values"], strict=True)),
    )
    in_words = [(label, value) for value, label in scores_in_words(document)]
    console.table(f"{kind} scores with their deviations", ("score", ""), in_words)


def note_what_went_wrong(evaluation: Evaluation) -> None:
    """Print what the rule set could not watch, which predictions were not used, and which routes
    the agent's failures ended.
    """
    if unwatched := RULE_SETS[evaluation.settings.rules].unwatched:
        console.note(in_a_simulator(evaluation.settings.rules, unwatched))
    if told := what_became(tally_of(evaluation.driven)):
        console.note(f"{told} Look at the model's outputs")
    if failures := evaluation.document["auxdrive"]["agent_failures"]:
        of = f"{len(failures)} of {len(evaluation.driven)} drives"
        console.note(
            f"the agent itself failed on {of}; the same command with --resume --retry-crashed "
            "drives them again"
        )
