"""What `auxdrive inspect` prints for runs."""

from __future__ import annotations

import math
from pathlib import Path
from textwrap import wrap
from typing import Any

import auxdrive.console as console
from auxdrive.inspection.base import Inspection, Summary
from auxdrive.inspection.bundles_and_runs import is_run, summarise_run
from auxdrive.inspection.metric_tables import rounded, show_roles


def _show_run(summary: Summary) -> None:
    result = summary["result"]
    console.table(
        f"run {Path(summary['path']).resolve().name}",
        ("fact", "value"),
        _run_facts(summary),
        text=("value",),
    )
    if result is not None:
        phases = [
            (
                each["name"],
                each["epochs"],
                each["watch"],
                rounded(each["best"]),
                rounded(each["last"]),
            )
            for each in result["phases"]
        ]
        console.table(
            "phases",
            ("phase", "epochs", "watched role", "best", "last"),
            phases,
            text=("watched role",),
        )
        for split, roles in result["metrics"].items():
            show_roles(f"{result['method']} on {split}", roles, result["floor"].get(split))
    if summary["validation"] is not None:
        _show_conditions(summary["validation"])
    if summary["last_metrics"]:
        _show_last_epochs(summary["last_metrics"], summary["records"])
    console.line("checkpoints: " + (", ".join(summary["checkpoints"]) or "none"))
    if not summary["finished"]:
        console.note(
            "this run has not finished: it has no result.json. `auxdrive train --resume --out "
            f"{summary['path']}` takes it up"
        )
    console.note(f"the config: {summary['config_file']}; --json shows it")


def _show_conditions(validation: Summary) -> None:
    main = validation["main_metric"]
    console.table(
        f"{main} by what the vehicle did, on val",
        ("condition", "frames", validation["role"], "(constant)"),
        [
            (name, each["frames"], rounded(each["metrics"].get(main)),
             rounded(each["constant"].get(main)))
            for name, each in validation["conditions"].items()
        ],
    )  # fmt: skip


def _run_facts(summary: Summary) -> list[tuple[str, str]]:
    """The facts in a run's JSON files. For others the text points to its config."""
    result, record = summary["result"] or {}, summary["record"] or {}
    elsewhere = f"see {summary['config_file']}"
    facts = [
        (key, str(record.get(key) or result.get(key) or elsewhere))
        for key in ("method", "task", "backbone")
    ]
    if record:
        facts.append(("modalities", ", ".join([record["main"], *record["aux"]])))
        facts += [(f"{split} is", each["how"]) for split, each in record["measured_on"].items()]
    facts.append(
        (
            "data",
            f"{summary['data'] or elsewhere} {record.get('dataset_sha256', '')[:12]}".rstrip(),
        )
    )
    facts.append(("seed", str(record.get("seed", elsewhere))))
    if first := record.get("init_from"):
        facts.append(("starts from", f"{first['run']} ({', '.join(first['networks'])})"))
        if precision := first.get("fine_tuned_for"):
            facts.append(("fine-tuned for", precision))
    if result:
        best, phases = result["best"], result["phases"]
        metrics = ", ".join(
            f"{key} {_short(value)}" for key, value in best.items() if key not in ("phase", "epoch")
        )
        facts += [
            (
                "best",
                f"{metrics} in {best['phase']}, epoch {best.get('epoch', '-')}"
                if best.get("phase")
                else "no epoch",
            ),
            ("epochs", f"{sum(each['epochs'] for each in phases)} in {len(phases)} phase(s)"),
            ("steps", str(result["steps"])),
            ("trained", f"{result['trained_s']:.0f} s"),
        ]
    else:
        step = summary["last_metrics"][-1].get("step", "-") if summary["last_metrics"] else "-"
        facts += [("epochs", f"{summary['records']} finished"), ("steps", str(step))]
    return facts


def _show_last_epochs(records: list[dict[str, Any]], count: int) -> None:
    """Print the last epochs as columns with a row for each key: a run logs more keys than a
    terminal has room for side by side.

    Args:
        records: of the last epochs.
        count: how many epochs there are in all.
    """
    heads = ("phase", "phase_index", "epoch")
    # The name of a phase is broken into short lines, so that five columns fit.
    columns = [
        "\n".join([*wrap(str(record.get("phase", "")), 10), f"epoch {record.get('epoch', '-')}"])
        for record in records
    ]
    keys = dict.fromkeys(
        key
        for record in records
        for key, value in record.items()
        if not isinstance(value, dict | list)
    )
    rows = [
        (key, *(_short(record.get(key)) for record in records)) for key in keys if key not in heads
    ]
    console.table(
        f"the last {len(records)} of {count} records of metrics.jsonl", ("", *columns), rows
    )


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return "-" if value is None else value


def _page(path: Path, summary: Summary) -> str:
    from auxdrive.inspection.run_page import run_page  # with Jinja2, which the extras bring

    return run_page(path, summary)


RUN = Inspection(
    what="run",
    known_by="config.yaml",
    holds=is_run,
    summarise=summarise_run,
    show=_show_run,
    page=_page,
)
