"""Does the open-loop metric predict the driving score? All runs of `benchmarks/sensors.py`, by
condition: a table of rank correlations, and a plot.

    python benchmarks/open_closed.py [benchmarks/results/sensors.json] [--plot open_closed.svg]

Three questions, which may have different answers: over all runs; over the methods, by the mean of
each over its seeds (whether the metric ranks methods as driving does); and within methods, of what
each run differs from its method's mean by (whether it picks the better seed). Fewer than ten runs
have no interval. A lower metric is better and a higher score is, so that a metric that predicts has
a correlation near -1. The plot needs matplotlib (the extra 'all').
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.ranking import LEAST_RANKED, rank_correlation
from auxdrive.storage.publish import write_atomic
from auxdrive.types import Float64
from record import RESULTS

OPEN, CLOSED = "open loop", "driving score"
RUNS, METHODS, WITHIN = "all runs", "methods", "within methods"
Points = Sequence[Mapping[str, Any]]
"""As `points` of the result of `benchmarks/sensors.py`: of each run `method`, `seed`, `metric`, and
by condition `open loop` and `driving score`."""


def main() -> None:
    """Print the table, and draw the plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("result", type=Path, nargs="?", default=RESULTS / "sensors.json")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    points = json.loads(given.result.read_text())["points"]
    for line in table(points):
        print(line)
    if given.plot is not None:
        write_atomic(given.plot, plot(points, given.plot))


def conditions(points: Points) -> list[str]:
    """The conditions in which every run has both numbers."""
    return [
        name
        for name in points[0][CLOSED]
        if all(each[kind].get(name) is not None for each in points for kind in (OPEN, CLOSED))
    ]


def correlations(points: Points) -> dict[str, dict[str, dict[str, Any]]]:
    """By condition and question the rank correlation with its 95 % interval, p-value and number of
    pairs; within methods each further method counts as a pair less.

    Args:
        points: of all runs.
    """
    found = {}
    for condition in conditions(points):
        both = {
            kind: np.array([each[kind][condition] for each in points]) for kind in (OPEN, CLOSED)
        }
        names = [each["method"] for each in points]
        opened, closed = (_means(both[kind], names) for kind in (OPEN, CLOSED))
        found[condition] = {
            RUNS: asdict(rank_correlation(both[OPEN], both[CLOSED], seed=0)),
            METHODS: asdict(rank_correlation(opened, closed, seed=0)),
            WITHIN: asdict(rank_correlation(both[OPEN], both[CLOSED], 0, names)),
        }
    return found


def _means(values: Float64, names: Sequence[str]) -> Float64:
    """The mean of each method, in the order of their first runs."""
    return np.array(
        [values[[other == name for other in names]].mean() for name in dict.fromkeys(names)]
    )


def table(points: Points) -> Iterator[str]:
    """The lines of a table in Markdown, and what must be known of it.

    Args:
        points: of all runs.
    """
    metric = points[0]["metric"]
    yield f"| condition | {metric} and driving score of | n | rank correlation | p |"
    yield "|---|---|---|---|---|"
    found = correlations(points)
    for condition, by_question in found.items():
        for question, each in by_question.items():
            rho = "the same for all" if each["rho"] is None else f"{each['rho']:+.2f}"
            if each["low"] is not None:
                rho += f" [{each['low']:+.2f}, {each['high']:+.2f}]"
            cells = (condition, question, str(each["pairs"]), rho, f"{each['p_value']:.3f}")
            yield f"| {' | '.join(cells)} |"
    yield ""
    if any(each["low"] is None for by_question in found.values() for each in by_question.values()):
        yield f"Where fewer than {LEAST_RANKED} are compared there is no interval."
    if len({each["seed"] for each in points}) == 1:
        yield "There is one seed, so that nothing can be said within methods."


def plot(points: Points, path: Path) -> bytes:
    """Open loop against closed loop, with a panel for each condition.

    Args:
        points: of all runs.
        path: whose ending decides between SVG and PNG.

    Returns:
        The content of the file.
    """
    from auxdrive.commands.comparing.plot import content_of
    from auxdrive.inspection.palette import REFERENCE, SERIES
    from matplotlib.figure import Figure

    shown, found = conditions(points), correlations(points)
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    names = dict.fromkeys(each["method"] for each in points)
    lines = -(-len(names) // (2 * columns))
    height = 3.0 * rows + 0.25 * (lines + 1)
    drawn = Figure(figsize=(3.2 * columns, height))
    panels = drawn.subplots(rows, columns, squeeze=False).ravel()
    for axis, condition in zip(panels, shown, strict=False):
        for number, method in enumerate(names):
            ours = [each for each in points if each["method"] == method]
            axis.plot(
                [each[OPEN][condition] for each in ours],
                [each[CLOSED][condition] for each in ours],
                "o", color=SERIES[number % len(SERIES)], markersize=4, label=method,
            )  # fmt: skip
        rho = found[condition][RUNS]["rho"]
        told = "" if rho is None else f", rank correlation {rho:+.2f}"
        axis.set_title(f"{condition}{told}, n = {len(points)}", fontsize=8)
        axis.set_xlabel(points[0]["metric"], fontsize=8, color=REFERENCE)
        axis.set_ylabel("driving score", fontsize=8, color=REFERENCE)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    for axis in panels[len(shown) :]:
        axis.set_axis_off()
    drawn.tight_layout(rect=(0, 0.25 * (lines + 0.5) / height, 1, 1))
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="lower center", ncols=2 * columns, fontsize=8, frameon=False)
    return content_of(drawn, path)


if __name__ == "__main__":
    main()
