"""The page of reproductions: tables, verdicts and plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from auxdrive.html.blocks import page, paragraph, section, table
from auxdrive.html.charts import Line, line_chart

from auxdrive_train.reproduce.findings import Claim, Figure, Findings, told

SAID = {True: "holds", False: "does not hold", None: "not shown"}
FIGURES = ("", "paper", "ours", "repetitions", "within its noise")
CLAIMS = ("claim", "paper", "ours", "verdict")


def figure_row(figure: Figure) -> tuple[str, str, str, int, str]:
    """A figure as a row of `FIGURES`."""
    paper = "" if figure.paper is None else f"{figure.paper:g}"
    agrees = "" if figure.agrees is None else "yes" if figure.agrees else "no"
    return figure.name, paper, told(figure.ours), figure.runs, agrees


def claim_row(claim: Claim) -> tuple[str, str, str, str]:
    """A claim as a row of `CLAIMS`."""
    return claim.claim, claim.paper, claim.ours, SAID[claim.holds]


def reproduction_page(found: Sequence[Findings]) -> str:
    """A page of one reproduction or of several.

    Args:
        found: at least one.
    """
    held = sum(claim.holds is True for each in found for claim in each.claims)
    total = sum(len(each.claims) for each in found)
    title = found[0].title if len(found) == 1 else "Reproductions"
    parts = [section(each.title, *_parts(each)) for each in found]
    return page(title, parts, f"{held} of {total} claims hold")


def _parts(found: Findings) -> Iterator[Any]:
    where = ", ".join(f"{name} {value}" for name, value in found.where.items())
    yield paragraph(
        f"auxdrive reproduce {found.name} --budget {found.budget}: {found.runs} runs, "
        f"{found.seconds / 60:.0f} minutes of training. {where}",
        css="soft",
    )
    yield table(CLAIMS, [claim_row(claim) for claim in found.claims])
    for plot in found.plots:
        lines = [Line(curve.name, curve.points) for curve in plot.curves]
        yield line_chart(plot.title, lines, plot.x_label)
    yield table(FIGURES, [figure_row(figure) for figure in found.figures])
    for note in found.notes:
        yield paragraph(note)
    settings = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    yield paragraph(f"Settings: {settings}.", css="soft")
