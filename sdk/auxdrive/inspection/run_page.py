"""The HTML page of a run: its metrics, the curves of its training, examples of the validation part
with their predictions drawn on them, and what it was trained with. It is one file that loads
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.image_files import read_images
from auxdrive.errors import AuxdriveError, DataError
from auxdrive.html.blocks import (
    Markup,
    element,
    figure,
    folded,
    image,
    legend,
    page,
    paragraph,
    preformatted,
    section,
    table,
    tiles,
)
from auxdrive.html.charts import Line, line_chart
from auxdrive.inspection.base import Summary
from auxdrive.inspection.metric_tables import (
    rounded,
    sentence_on_thresholds,
    thresholds_that_say_nothing,
)
from auxdrive.inspection.overlay import PREDICTED, RECORDED, Shown, overlay
from auxdrive.inspection.painting import jpeg
from auxdrive.inspection.palette import css
from auxdrive.runs import Condition, Example, RunFolder, ValidationRecord
from auxdrive.strict import read_model
from auxdrive.tasks import TASKS
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import Float32

Epoch = Mapping[str, Any]
_SHARES = ("acc_", "macc")
_ENDS = (("_deg", "degrees"), ("_mps", "m/s"), ("_m", "metres"))
_HEADS = ("phase", "phase_index", "epoch", "step", "role")
_JPEG_QUALITY = 85


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
    parts.append(section("How it learned", *_curves(folder, result, validation)))
    if validation is not None and validation.examples:
        parts.append(section("Examples of the validation part", *_examples(folder, validation)))
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


def _curves(
    folder: RunFolder, result: Mapping[str, Any] | None, validation: ValidationRecord | None
) -> Iterator[Markup]:
    """The curves of each role over its epochs."""
    try:
        epochs = folder.epochs()
    except DataError as error:
        yield paragraph(f"No curves: {error}.", css="bad")
        return
    # the role by which the best epoch is chosen comes first
    chosen = "student" if validation is None else validation.role
    by_role: dict[str, list[Epoch]] = {}
    epochs.sort(key=lambda each: each.get("role") != chosen)
    for each in epochs:
        by_role.setdefault(str(each.get("role", "student")), []).append(each)
    floor = {} if result is None else result["floor"].get("val", {}).get("constant", {})
    for role, own in by_role.items():
        phases = list(dict.fromkeys(str(each.get("phase")) for each in own))
        named = ", ".join(phases) if len(phases) <= 3 else f"{len(phases)} phases"
        yield element("h3", f"{role}: {len(own)} epoch(s) of {named}")
        charts = "".join(_charts(own, floor, None if result is None else result["best"]))
        yield Markup('<div class="charts">{}</div>').format(Markup(charts))
    if by_role:
        yield paragraph(
            "Each role's own epochs, one after the other; upright lines stand between phases. The "
            "dark dashed line is the best constant, fitted to the training frames.",
            css="soft",
        )
    else:
        yield paragraph("No epoch was finished.", css="soft")


def _charts(
    epochs: Sequence[Epoch], floor: Mapping[str, Any], best: Mapping[str, Any] | None
) -> Iterator[Markup]:
    silent = {f"val/{name}" for name in thresholds_that_say_nothing({"constant": floor})}
    keys = dict.fromkeys(key for each in epochs for key in each if key not in {*_HEADS, *silent})
    breaks = [
        place + 0.5
        for place, (one, other) in enumerate(pairwise(epochs), start=1)
        if one.get("phase_index") != other.get("phase_index")
    ]

    def lines(names: Sequence[str], prefix: str) -> list[Line]:
        return [Line(name.removeprefix(prefix), _points(epochs, name)) for name in names]

    losses = [key for key in keys if key.startswith("loss/")]
    yield line_chart("Loss, by term", lines(losses, "loss/"), "epoch", breaks)
    for title, metrics in _groups([key for key in keys if key.startswith("val/")]):
        shown = lines(metrics, "val/")
        ring = _best_of(epochs, metrics, best)
        references = [
            Line(f"constant, {name}", [(1, floor[name]), (len(epochs), floor[name])], True)
            for name in (metric.removeprefix("val/") for metric in metrics)
            if best is not None and name in best and name in floor
        ]
        yield line_chart(f"Validation: {title}", [*shown, *references], "epoch", breaks, ring)
    gradients = [
        f"gradient/{name}" for name in ("median", "mean", "max") if f"gradient/{name}" in keys
    ]
    gradients += [key for key in keys if key.startswith("gradient_of/")]
    if gradients:
        yield line_chart(
            "Norm of the gradient", _named(lines(gradients, "gradient/")), "epoch", breaks
        )
    if "lr" in keys:
        yield line_chart("Learning rate, lr", lines(["lr"], ""), "epoch", breaks)


def _named(lines: Sequence[Line]) -> list[Line]:
    return [
        Line(f"of {line.name.removeprefix('gradient_of/')}, at most", line.points)
        if line.name.startswith("gradient_of/")
        else line
        for line in lines
    ]


def _points(epochs: Sequence[Epoch], key: str) -> list[tuple[float, float | None]]:
    values = [each.get(key) for each in epochs]
    return [
        (place, float(value) if isinstance(value, int | float) else None)
        for place, value in enumerate(values, start=1)
    ]


def _groups(keys: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Which metrics share a chart: those of one unit."""
    found: dict[str, list[str]] = {}
    for key in keys:
        name = key.removeprefix("val/")
        unit = next((unit for end, unit in _ENDS if name.endswith(end)), "")
        if not unit:
            bare = name.removeprefix("steer_")
            unit = "share of frames" if bare.startswith(_SHARES) else name
        found.setdefault(unit, []).append(key)
    return [
        (f"errors in {unit}" if unit in dict(_ENDS).values() else unit, own)
        for unit, own in found.items()
    ]


def _best_of(
    epochs: Sequence[Epoch], metrics: Sequence[str], best: Mapping[str, Any] | None
) -> tuple[float, float, str] | None:
    """The mark of the run's best epoch in a chart.

    Args:
        epochs: in the chart.
        metrics: in the chart.
        best: phase, epoch and metric of the run's best epoch; None where there is none.

    Returns:
        Its place, the metric's value and the text; None where the chart does not show it.
    """
    for place, each in enumerate(epochs, start=1):
        if best is None or (each.get("phase"), each.get("epoch")) != (
            best.get("phase"),
            best.get("epoch"),
        ):
            continue
        for metric in metrics:
            value = each.get(metric)
            if metric.removeprefix("val/") in best and isinstance(value, float):
                return place, value, "best epoch"
    return None


def _examples(folder: RunFolder, validation: ValidationRecord) -> Iterator[Markup]:
    try:
        camera = read_model(folder.card_path, DatasetCard).camera
    except DataError as error:
        yield paragraph(f"Cannot be drawn: {error}.", css="bad")
        return
    yield paragraph(
        "The frames that were predicted best and worst, and those in the middle, at least 2 s "
        "apart within a drive.",
        css="soft",
    )
    keys = [(css(PREDICTED), "predicted"), (css(RECORDED), "recorded")]
    yield legend(keys)
    for rank in ("best", "median", "worst"):
        own = [each for each in validation.examples if each.rank == rank]
        shots = [_example(folder, camera, validation.task, each) for each in own]
        if shots:
            yield element("h3", rank.capitalize())
            yield Markup('<div class="shots">{}</div>').format(Markup("".join(shots)))


def _example(folder: RunFolder, camera: CameraSpec, task_name: str, example: Example) -> Markup:
    """An example: its image with the predicted and the recorded path, and a caption."""
    place = f"{example.episode}, frame {example.frame}"
    caption = [f"{example.error:.3g} {example.unit} off: {place}"]
    try:
        seen = next(read_images(folder.example_path(example.name))).image
        task = TASKS[task_name]
        drawings = [
            task.drawing(_row(task, row, example.shape))
            for row in (example.label, example.prediction)
        ]
    except AuxdriveError as error:
        return figure(paragraph(str(error), css="bad"), caption[0])
    shown = [Shown(drawings[0], RECORDED), Shown(drawings[1], PREDICTED)]
    caption.append(f"predicted {drawings[1].text}, recorded {drawings[0].text}")
    caption.append(", ".join(f"{name} {_numbers(each)}" for name, each in example.ego.items()))
    drawn = overlay(seen, camera, shown)
    made = image(jpeg(drawn, _JPEG_QUALITY), place)
    return figure(made, Markup("<br>").join(filter(None, caption)))


def _row(task: TaskSpec, numbers: Sequence[float], shape: tuple[int, ...]) -> Float32:
    """The numbers as a row of the task.

    Raises:
        DataError: they are none.
    """
    fixed = [int(axis) if axis.isdecimal() else None for axis in task.axes]
    if len(shape) != len(fixed) or any(
        wanted not in (None, size) for size, wanted in zip(shape, fixed, strict=True)
    ):
        raise DataError(f"an example of the shape {shape} is no prediction of the task {task.name}")
    return np.array(numbers, np.float32).reshape(shape)


def _numbers(values: Sequence[float]) -> str:
    text = ", ".join(f"{value:.1f}" for value in values)
    return text if len(values) == 1 else f"({text})"


def _begun_from(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if first := record.get("init_from"):
        yield "starts from", f"{first['run']} ({', '.join(first['networks'])})"


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
