"""The measured figures of a run's views as a table: what `auxdrive train` prints at its end and `auxdrive inspect` shows later."""

from __future__ import annotations

import math
from collections.abc import Mapping

import auxdrive.console as console

Views = Mapping[str, Mapping[str, float | None]]


def figure(value: float | None) -> str:
    """A figure for a table: three digits after the point, small ones with two that count; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def show_views(title: str, views: Views) -> None:
    """Print metrics (rows) of views (columns); 'all' holds a method's figures over all views at once, such as an oracle.

    Views need not have the same metrics: there is no R2 where the targets of a view's samples do not vary.
    """
    metrics = dict.fromkeys(metric for figures in views.values() for metric in figures)
    rows = [(metric, *(figure(figures.get(metric)) for figures in views.values())) for metric in metrics]
    console.table(title, ("", *views), rows)
