"""`auxdrive inspect`: what a data set, a bundle or a run is."""

from __future__ import annotations

import math
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

import auxdrive.console as console
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed, UsageError
from auxdrive.storage.reading import is_folder


def inspect(
    path: Annotated[
        Path,
        typer.Argument(help="A data set, a bundle or a run: the directory.", show_default=False),
    ],
    html: Annotated[
        Path | None,
        typer.Option(help="Write a data set's page with images to this file.", show_default=False),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say what a data set, a bundle or a run is, and what is broken in it; the exit code is 1 where
    something is.
    """
    from auxdrive.inspection.bundles_and_runs import (
        is_bundle,
        is_run,
        summarise_bundle,
        summarise_run,
    )
    from auxdrive.inspection.findings import shown
    from auxdrive.inspection.summary import is_dataset

    if not is_folder(path):
        raise UsageError(f"{path}: no such directory")
    # A run keeps a copy of its data set's card, so that it is asked first.
    bundle, run = is_bundle(path), is_run(path)
    if html is not None and (bundle or run):
        raise UsageError(f"--html shows data sets, and {path} is a {'bundle' if bundle else 'run'}")
    if bundle:
        summary, show = summarise_bundle(path), _show_bundle
    elif run:
        summary, show = summarise_run(path), _show_run
    elif is_dataset(path) or is_folder(
        path / "episodes"
    ):  # of episodes without a card the error says how to write one
        summary, show = _dataset(path, html), _show_dataset
    else:
        raise UsageError(
            f"{path}: no data set (dataset.json), no bundle (card.json) and no run (config.yaml)"
        )
    if json_output:
        console.print_json(summary)
    else:
        show(summary)
        for kind in ("broken", "doubts"):
            for line in shown(summary[kind]):
                console.note(f"{'broken' if kind == 'broken' else 'doubtful'}: {line}")
        if html is not None:
            console.note(f"wrote {html}")
    if summary["broken"]:
        raise CheckFailed(
            f"{path}: {len(summary['broken'])} thing(s) are broken, beginning with: "
            f"{summary['broken'][0]}"
        )


def _dataset(path: Path, html: Path | None) -> dict[str, Any]:
    from auxdrive.data.dataset import Dataset
    from auxdrive.html.document import encoded
    from auxdrive.inspection.page import dataset_page
    from auxdrive.inspection.summary import summarise
    from auxdrive.storage.publish import write_atomic

    dataset = Dataset.open(path)
    summary = summarise(dataset)
    if html is not None:
        if not is_folder(html.parent):
            raise UsageError(f"--html {html}: there is no directory {html.parent}")
        write_atomic(html, encoded(dataset_page(dataset, summary)))
    return summary


def _show_dataset(summary: dict[str, Any]) -> None:
    from auxdrive.inspection.summary import number, sentences

    camera, lock = summary["camera"], summary["steering"]["max_road_wheel_deg"]
    console.note(
        f"{summary['name']}: {summary['rate_hz']:g} Hz, camera "
        f"{camera['width']}x{camera['height']}, full lock {lock:g} degrees"
    )
    for key in ("source", "licence", "fingerprint"):
        if summary[key]:
            console.note(f"{key}: {summary[key]}")
    counts, labels = [], []
    for name, split in summary["splits"].items():
        steer, speed = split["steer_deg"], split["speed_mps"]
        seconds, apart = f"{split['duration_s']:.0f}", number(split["apart_s"])
        counts.append((name, split["sessions"], split["episodes"], split["frames"], seconds, apart))
        steering = (
            f"{number(steer['mean'], 1)} ± {number(steer['std'], 1)}, {number(steer['min'], 0)} to "
            f"{number(steer['max'], 0)}"
        )
        straight = number(
            None if steer["straight_share"] is None else 100 * steer["straight_share"], 0
        )
        speeds = (
            f"{number(speed['mean'])} ± {number(speed['std'])}"
            if speed["known_share"]
            else "unknown"
        )
        labels.append((name, steering, straight, speeds))
    console.table(
        "splits", ("split", "sessions", "episodes", "frames", "seconds", "apart, s"), counts
    )
    console.table("labels", ("split", "steering, degrees", "straight, %", "speed, m/s"), labels)
    for line in sentences(summary):
        console.note(line)
    coverage = []
    for name, each in summary["modalities"].items():
        shapes = ", ".join("x".join(map(str, shape)) for shape in each["shapes"])
        coverage.append(
            (name, shapes, each["episodes"], each["frames"], f"{100 * each['share']:.0f} %")
        )
    console.table(
        "modalities", ("modality", "shape", "episodes", "frames", "of all frames"), coverage
    )


def _show_bundle(summary: dict[str, Any]) -> None:
    card = summary["card"]
    training, camera, parity = card["training"], card["camera"], card["parity"]
    facts = [
        ("task", card["task"]),
        ("method", f"{training['method']}, {training['backbone']}, {training['role']}"),
        ("helped by", ", ".join(training["auxiliaries"]) or "nothing"),
        ("camera", f"{camera['width']}x{camera['height']} at {card['rate_hz']:g} Hz"),
        (
            "inputs",
            "; ".join(
                f"{each['name']} {tuple(each['shape'])} {each['dtype']}, {each['unit']}"
                for each in card["inputs"]
            ),
        ),
        (
            "outputs",
            "; ".join(
                f"{each['name']} {tuple(each['shape'])} {each['dtype']}, {each['unit']}"
                for each in card["outputs"]
            ),
        ),
        ("steering", f"full lock {card['steering']['max_road_wheel_deg']:g} degrees"),
        ("data", f"{training['dataset']} {training['dataset_sha256'][:12]}"),
        (
            "trained",
            f"{training['epochs']} epochs, seed {training['seed']}, auxdrive "
            f"{training['auxdrive_version']}",
        ),
        (
            "parity",
            f"{parity['measured']:.3g} {parity['unit']} of {parity['limit']:g} over "
            f"{parity['frames']} frames",
        ),
    ]
    facts += [
        (f"metrics: {name}", _interval(each) + _beside(card["floor"], name))
        for name, each in card["metrics"].items()
    ]
    facts += [(f"latency: {name}", _interval(each)) for name, each in card["latency"].items()]
    console.table(f"bundle {card['name']}", ("fact", "value"), facts)
    console.table("files", ("file", "state"), list(summary["files"].items()))


def _beside(floor: dict[str, dict[str, float]], metric: str) -> str:
    """What a figure has to beat: the same of answers that need no network."""
    known = [
        f"{kind} {figures[metric]:.4g}" for kind, figures in floor.items() if metric in figures
    ]
    return f" ({', '.join(known)})" if known else ""


def _interval(value: dict[str, Any]) -> str:
    bounds = (
        ""
        if value["low"] is None or value["high"] is None
        else f" ({value['low']:.4g} .. {value['high']:.4g})"
    )
    return f"{value['value']:.4g}{bounds} {value['unit']}".rstrip()


def _show_run(summary: dict[str, Any]) -> None:
    from auxdrive.inspection.metric_tables import figure, show_roles

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
                figure(each["best"]),
                figure(each["last"]),
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
    if summary["last_metrics"]:
        _show_last_epochs(summary["last_metrics"], summary["records"])
    console.line("checkpoints: " + (", ".join(summary["checkpoints"]) or "none"))
    if not summary["finished"]:
        console.note(
            "this run has not finished: it has no result.json. `auxdrive train --resume --out "
            f"{summary['path']}` takes it up"
        )
    console.note(f"the configuration: {summary['config_file']}; --json shows it")


def _run_facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What the run's JSON files say; what none of them says stands in its configuration."""
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
    if result:
        best, phases = result["best"], result["phases"]
        figures = ", ".join(
            f"{key} {_short(value)}" for key, value in best.items() if key not in ("phase", "epoch")
        )
        facts += [
            (
                "best",
                f"{figures} in {best['phase']}, epoch {best.get('epoch', '-')}"
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
    """Keys down, epochs across: a run logs more keys than a terminal has room for side by side."""
    heads = ("phase", "phase_index", "epoch")
    # A phase's name in short lines, so that five columns fit.
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
