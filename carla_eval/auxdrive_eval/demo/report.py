"""The demo's page: what was recorded, how the models learned, how well they do, and where to look
further.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.html import blocks as html
from auxdrive.html.blocks import Markup
from auxdrive.html.charts import Line, line_chart
from auxdrive.inspection.painting import legend, paint, png
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder

from auxdrive_eval.demo.drives import drives_section
from auxdrive_eval.demo.findings import TEST_PART, Findings
from auxdrive_eval.demo.settings import CREEP_AFTER_S, MODELS
from auxdrive_eval.demo.stages import Demo

EXAMPLES = 4
_MODEL_NAMES = {model.name for model in MODELS}
_TITLES = {Modality.RGB: "Camera (RGB): what the students see", Modality.LIDAR: "LiDAR"}
_CURVES = {
    ("baseline", "student"): "baseline",
    ("samd", "student"): "student (SAMD)",
    ("teacher", "teacher"): "teacher, by itself",
    ("samd", "teacher"): "SAMD's own teacher",
}
"""Names of the curves by method and role. They are in the order of the drivers, whose colours they
have.
"""


def demo_report(demo: Demo, findings: Findings) -> str:
    """The whole page.

    Args:
        demo: of which all stages have finished.
        findings: what `auxdrive_eval.demo.findings.gather` made of their outputs.

    Raises:
        DataError: the data set, a run or the record of a drive is damaged.
    """
    settings, data = demo.settings, demo.out / "data"
    parts = [
        html.paragraph(findings.verdict, css="notice"),
        html.tiles(_tiles(findings)),
        html.section(
            "What this page can show, and what not",
            *(html.paragraph(text) for text in _reach(demo)),
        ),
        html.section("Results", *_tables(findings)),
        html.section("The same routes, driven by each", *drives_section(demo)),
        html.section("What was recorded", *_examples(data), _splits(data)),
        html.section("How they learned", _curves(demo)),
        html.section("Where the time went", _times(findings)),
    ]
    about = (
        f"{settings.frames} frames recorded by the expert; students see RGB alone; SAMD learns "
        f"with {', '.join(settings.auxiliaries)}; "
        f"{settings.epochs} epochs each; {settings.routes} unseen routes"
    )
    return html.page("auxdrive demo", parts, about)


def _reach(demo: Demo) -> tuple[str, ...]:
    settings = demo.settings
    return (
        "It shows that the whole line works on this machine: recording, training, export, the "
        "check of the exported graph, and driving. "
        "Driving scores come from auxdrive's embedded simulator under the rules of leaderboard "
        "1.0. They are no CARLA scores.",
        "It does not show which method is better. Each model was trained once, from one seed, for "
        f"{settings.epochs} short epochs; the "
        "interval above is over routes alone, and another training seed may turn it round. "
        "benchmarks/demo_seeds.py repeats it "
        "over seeds. SAMD spends as many epochs on its own teacher again, so it is also the "
        "longest training of the three.",
        f"The teacher is trained by itself, with {', '.join(('rgb', *settings.auxiliaries))}, as "
        "long as a student: what these sensors "
        "are worth to this network in this time, and no more. All three drive with pure pursuit on "
        "their waypoints, and push on for "
        f"1.5 s after standing for {CREEP_AFTER_S} s, since a network without memory cannot know "
        "how long it has waited; the push looks "
        "at nothing.",
    )


def _tiles(findings: Findings) -> list[tuple[str, str]]:
    score = next(row for row in findings.rows if row.name.startswith("Avg. driving score"))
    tiles = [
        (f"{float(value):.1f} of 100", f"driving score, {name}")
        for name, value in score.values.items()
    ]
    return [*tiles, (f"{findings.wall_s / 60:.1f} min", "in all, without installation")]


def _tables(findings: Findings) -> Iterator[Markup]:
    """One table for each group of rows. Values that need no network, and the expert's, are set
    apart.
    """
    for group in dict.fromkeys(row.group for row in findings.rows):
        found = [row for row in findings.rows if row.group == group]
        columns = list(found[0].values)
        models = sum(name in _MODEL_NAMES for name in columns)
        apart = (("without a network", len(columns) - models),) if group == TEST_PART else ()
        others = apart or ((("", len(columns) - models),) if len(columns) > models else ())
        yield html.table(
            (group, *(name.strip("()") for name in columns)),
            [(row.name, *row.values.values()) for row in found],
            groups=(("", 1), ("model", models), *others),
        )
    yield html.paragraph(
        "Without a network: the best constant, a linear function of the ego inputs alone, and the "
        "mean label of the nearest images. Driving scores, completion and penalty are means over "
        "routes; infractions per km are summed over routes, as leaderboard 1.0 does.",
        css="soft",
    )


def _examples(data: Path) -> Iterator[Markup]:
    """Each recorded modality at a few instants, and what its colours mean."""
    dataset = Dataset.open(data)
    ids = dataset.split("train")
    chosen = [ids[i] for i in np.linspace(0, len(ids) - 1, EXAMPLES).round().astype(int)]
    for modality in dataset.card.modalities:
        shots = []
        for name in chosen:
            episode = dataset.episode(name)
            frame = len(episode) // 2
            image = paint(modality, np.asarray(episode.frames(modality)[frame]))
            time_s = float(episode.state["time_s"][frame])
            shots.append((png(image), f"{name}, {time_s:.1f}\u00a0s", ""))
        yield html.element("h3", _TITLES.get(modality, modality.value))
        yield html.film_strip(shots)
        if keys := legend(modality):
            yield html.legend(keys)


def _splits(data: Path) -> Markup:
    dataset = Dataset.open(data)
    rows = [
        (name, len(ids), sum(len(dataset.episode(i)) for i in ids))
        for name, ids in dataset.card.splits.items()
    ]
    return html.table(("split", "episodes", "frames"), rows)


def _curves(demo: Demo) -> Markup:
    """Validation errors of each network by epoch. In SAMD, teacher and student take turns."""
    epochs = {
        (method, role): [
            record
            for record in RunFolder(demo.out / "runs" / method).epochs()
            if record["role"] == role
        ]
        for method, role in _CURVES
    }

    def chart(title: str, metric: str) -> Markup:
        lines = [
            Line(name, list(enumerate((record[metric] for record in epochs[key]), start=1)))
            for key, name in _CURVES.items()
        ]
        return line_chart(title, lines, "epoch of that network")

    charts = (
        chart("Validation: average displacement error (ADE), m", "val/ade_m"),
        chart("Validation: final displacement error (FDE), m", "val/fde_m"),
    )
    return html.element("div", *charts, css="charts")


def _times(findings: Findings) -> Markup:
    rows = [
        (name, f"{seconds:.0f}" if seconds >= 1 else "below 1")
        for name, seconds in findings.seconds.items()
    ]
    rows.append(
        (
            "all, by the clock (the models are trained and driven side by side)",
            f"{findings.wall_s:.0f}",
        )
    )
    return html.table(("stage", "time, s"), rows)
