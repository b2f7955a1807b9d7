"""The curves of a run's training: losses, metrics of the validation part, gradients and learning
rate, epoch by epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from auxdrive.errors import DataError
from auxdrive.html.blocks import Markup, element, paragraph
from auxdrive.html.charts import Line, line_chart
from auxdrive.inspection.metric_tables import thresholds_that_say_nothing
from auxdrive.runs import RunFolder, ValidationRecord

Epoch = Mapping[str, Any]
_SHARES = ("acc_", "macc")
_ENDS = (("_deg", "degrees"), ("_mps", "m/s"), ("_m", "metres"))
_HEADS = ("phase", "phase_index", "epoch", "step", "role")


def curves(
    folder: RunFolder, result: Mapping[str, Any] | None, validation: ValidationRecord | None
) -> Iterator[Markup]:
    """The curves of each role over its epochs, for the page of a run.

    Args:
        folder: of the run.
        result: what `result.json` holds; None where the run has not finished.
        validation: says which role's curves come first; None where there is no such record, and the
            student's do.
    """
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
