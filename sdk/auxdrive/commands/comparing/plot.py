"""The plot of a comparison: every result as a dot, and each group's mean with its 95 % interval.
Matplotlib comes with the extra 'all'.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auxdrive.comparing.record import Comparison
from auxdrive.console import printable
from auxdrive.inspection.palette import REFERENCE, SERIES

SUFFIXES = {".svg": "svg", ".png": "png"}
_LONGEST_NAME = 40
_WIDTH_IN, _ROW_IN, _HEAD_IN = 6.4, 0.42, 0.9


def plot(found: Comparison, metrics: Sequence[str], path: Path) -> bytes:
    """The plot, with a panel for each metric.

    Args:
        found: the comparison.
        metrics: names of those to show.
        path: whose ending decides between SVG and PNG.

    Returns:
        The content of the file.
    """
    rows = len(found.groups)
    drawn = Figure(figsize=(_WIDTH_IN, len(metrics) * (_HEAD_IN + _ROW_IN * rows)))
    panels = drawn.subplots(len(metrics), 1, squeeze=False)
    for axis, metric in zip(panels[:, 0], metrics, strict=True):
        _panel(axis, found, metric)
    drawn.tight_layout()
    return content_of(drawn, path)


def content_of(drawn: Figure, path: Path) -> bytes:
    """A figure as the content of a file, without date, version and random names, so that equal
    figures have equal bytes.

    Args:
        drawn: the figure.
        path: whose ending decides between SVG and PNG.
    """
    kind = SUFFIXES[path.suffix.lower()]
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with rc_context({"svg.hashsalt": "auxdrive"}):
        drawn.savefig(buffer, format=kind, dpi=140, metadata=metadata)
    return buffer.getvalue()


def _panel(axis: Axes, found: Comparison, metric: str) -> None:
    """Draw a metric: a row for each group, from top to bottom."""
    for row, group in enumerate(found.groups):
        colour, measured = SERIES[row % len(SERIES)], group.metrics[metric]
        values = [value for value in measured.values if value is not None]
        axis.plot(values, [row] * len(values), "o", color=colour, markersize=4, alpha=0.6)
        if measured.value is not None:
            axis.plot(measured.value, row, "D", color=colour, markersize=7)
        if measured.low is not None and measured.high is not None:
            axis.hlines(row, measured.low, measured.high, color=colour, linewidth=2)
    axis.set_yticks(range(len(found.groups)))
    names = [_short(group.name) for group in found.groups]
    axis.set_yticklabels(names, parse_math=False)  # a name may hold dollars
    axis.set_ylim(len(found.groups) - 0.5, -0.5)
    kind = found.metrics[metric]
    better = "higher is better" if kind.higher_is_better else "lower is better"
    where = ", ".join(filter(None, (found.role, found.split)))
    axis.set_xlabel(
        f"{metric}{f', {kind.unit}' if kind.unit else ''} ({better}){f': {where}' if where else ''}"
        "\nsmall: each result; large: the mean, with its 95 % interval over seeds",
        color=REFERENCE,
        fontsize=8,
        parse_math=False,
    )
    axis.grid(axis="x", alpha=0.3)


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 3]}..."
