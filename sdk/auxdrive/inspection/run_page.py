"""The HTML page of a run: its metrics, the curves of its training, examples of the validation part
with their predictions drawn on them, and what it was trained with. It is one file that loads
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auxdrive.html.blocks import (
    Markup,
    element,
    folded,
    page,
    paragraph,
    preformatted,
    section,
    table,
    tiles,
)
from auxdrive.inspection.base import Summary
from auxdrive.inspection.metric_tables import (
    rounded,
    sentence_on_thresholds,
    thresholds_that_say_nothing,
)
from auxdrive.inspection.run_curves import curves
from auxdrive.inspection.run_examples import examples
from auxdrive.runs import Condition, RunFolder, ValidationRecord
from auxdrive.strict import read_model


def run_page(path: Path, summary: Summary) -> str:
    """The page of a run. What the folder lacks is left out or named.

    Args:
        path: of the run's folder.
        summary: of the run (`summarise_run`).
    """
    folder = RunFolder(path)
    record, result = summary["record"] or {}, summary["result"]
    validation = _read(folder, summary)
    name = path.resolve().name
    parts: list[object] = []
    for kind, title in (("broken", "Broken"), ("doubts", "Doubts")):
        if summary[kind]:
            lines = [element("li", line) for line in summary[kind]]
            parts.append(section(title, element("ul", *lines)))
    if not summary["finished"]:
        parts.append(
            paragraph(
                "This run has not finished: it has not been measured. `auxdrive train --resume "
                f"--out {path}` takes it up.",
                css="notice",
            )
        )
    if result is not None:
        parts += [tiles(_tiles(result, validation)), section("Metrics", *_metrics(result))]
    if validation is not None:
        parts.append(section("By what the vehicle did", *_by_condition(validation)))
    parts.append(section("How it learned", *curves(folder, result, validation)))
    if validation is not None and validation.examples:
        parts.append(section("Examples of the validation part", *examples(folder, validation)))
    parts.append(section("What it was trained with", *_origin(summary, record)))
    return page(f"Run {name}", parts, _subtitle(record))


def _read(folder: RunFolder, summary: Summary) -> ValidationRecord | None:
    """The record in `validation.json`; None where there is none, or where it is damaged. The
    summary lists the damage.
    """
    if summary["validation"] is None:
        return None
    return read_model(folder.validation_path, ValidationRecord)


def _subtitle(record: Mapping[str, Any]) -> str:
    if not record:
        return ""
    aux = f", helped by {', '.join(record['aux'])}" if record["aux"] else ""
    return (
        f"{record['method']} on {record['task']}, {record['backbone']}, sees "
        f"{record['main']}{aux}; seed {record['seed']}"
    )


def _main_metric(result: Mapping[str, Any]) -> str:
    return next((key for key in result["best"] if key not in ("phase", "epoch")), "")


def _tiles(result: Mapping[str, Any], validation: ValidationRecord | None) -> list[tuple[str, str]]:
    """The main metric, the same metric of the constant, and how long training took."""
    main, best = _main_metric(result), result["best"]
    role = "student" if validation is None else validation.role
    found = [
        (rounded(result["metrics"].get("val", {}).get(role, {}).get(main)), f"{main}, {role}, val")
    ]
    for split, roles in result["metrics"].items():
        if split != "val" and main in roles.get(role, {}):
            found.append((rounded(roles[role][main]), f"{main}, {role}, {split}"))
    constant = result["floor"].get("val", {}).get("constant", {}).get(main)
    if constant is not None:
        found.append((rounded(constant), f"{main} of the best constant, val"))
    epochs = sum(phase["epochs"] for phase in result["phases"])
    found.append((str(epochs), f"epochs in {len(result['phases'])} phase(s)"))
    found.append((f"{result['trained_s'] / 60:.1f} min", f"trained, {result['steps']} steps"))
    if best.get("phase"):
        found.append((str(best.get("epoch", "-")), f"best epoch, of {best['phase']}"))
    return found


def _metrics(result: Mapping[str, Any]) -> Iterator[Markup]:
    """A table for each split, with a row for each metric. Its columns are the roles and the
    predictions that need no network.
    """
    for split, roles in result["metrics"].items():
        floor = result["floor"].get(split, {})
        columns = [*roles.items(), *floor.items()]
        names = dict.fromkeys(metric for _, values in columns for metric in values)
        rows = [(name, *(rounded(values.get(name)) for _, values in columns)) for name in names]
        groups = [("", 1), ("networks", len(roles))]
        groups += [("what needs no network", len(floor))] if floor else []
        yield element("h3", split)
        yield table(["metric", *(name for name, _ in columns)], rows, groups=groups)
        if empty := thresholds_that_say_nothing(floor):
            said = sentence_on_thresholds(empty)
            yield paragraph(f"{said[0].upper()}{said[1:]}.", css="soft")
    yield paragraph(
        "Of shares of frames (acc_, macc) and of r2 more is better; the others are errors.",
        css="soft",
    )


def _by_condition(validation: ValidationRecord) -> Iterator[Markup]:
    main, given = validation.main_metric, validation.conditions
    yield paragraph(
        f"{main} of the {validation.role} on the validation part, beside that of the best constant "
        "on the same frames. The constant is fitted to all training frames: where most of them are "
        "alike it is right by itself, and a model that is no better where they are not has learned "
        "nothing there.",
        css="soft",
    )
    rows = [
        (name, each.frames, *_pair(each, main), _against(each, main))
        for name, each in given.items()
    ]
    columns = ("condition", "frames", validation.role, "constant", "% of the constant's")
    yield table(columns, rows)
    metrics = dict.fromkeys(metric for each in given.values() for metric in each.metrics)
    everything = [
        (metric, *(rounded(each.metrics.get(metric)) for each in given.values()))
        for metric in metrics
    ]
    yield folded("All metrics by condition", table(("metric", *given), everything))


def _pair(condition: Condition, metric: str) -> tuple[str, str]:
    return rounded(condition.metrics.get(metric)), rounded(condition.constant.get(metric))


def _against(condition: Condition, metric: str) -> str:
    """A metric of the model in percent of the constant's; a dash where that says nothing."""
    ours, constant = condition.metrics.get(metric), condition.constant.get(metric)
    return "-" if ours is None or not constant else f"{100 * ours / constant:.0f}"


def _begun_from(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if first := record.get("init_from"):
        yield "starts from", f"{first['run']} ({', '.join(first['networks'])})"
        if precision := first.get("fine_tuned_for"):
            yield "fine-tuned for", precision


def _origin(summary: Summary, record: Mapping[str, Any]) -> Iterator[Markup]:
    facts = [("data", summary["data"] or "unknown")]
    if record:
        facts += [
            ("fingerprint of the data", record["dataset_sha256"]),
            *((f"{split} is", each["how"]) for split, each in record["measured_on"].items()),
            *_begun_from(record),
            ("commit", record["commit"] or "none: it ran from no checkout"),
            ("auxdrive", record["auxdrive_version"]),
            ("torch", record["torch"]),
        ]
    facts.append(("checkpoints", ", ".join(summary["checkpoints"]) or "none"))
    yield table(("", ""), facts, text_columns=(1,))
    yield folded(summary["config_file"], preformatted(summary["config"]))
