"""The demo's page: what was recorded, how the models learned, what they reached, and where to look
further.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.html import blocks as html
from auxdrive.html.blocks import Markup
from auxdrive.inspection.painting import paint
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from matplotlib.figure import Figure

from auxdrive_eval.demo.findings import Findings
from auxdrive_eval.demo.settings import CREEP_AFTER_S, MODELS
from auxdrive_eval.demo.stages import Demo

EXAMPLES = 4


def demo_report(demo: Demo, findings: Findings) -> str:
    """The whole page."""
    settings = demo.settings
    parts = [
        html.paragraph(findings.verdict, css="notice"),
        html.section(
            "What this page can show, and what not",
            *(html.paragraph(text) for text in _reach(demo)),
        ),
        html.tiles(_tiles(findings)),
        html.section("Results", *_tables(findings)),
        html.section("What was recorded", _examples(demo.out / "data"), _splits(demo.out / "data")),
        html.section("How they learned", _curves(demo)),
        html.section("The routes", *_drives(demo)),
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
    score = next(row for row in findings.rows if row.name == "Avg. driving score")
    tiles = [(score.values[model.name], f"driving score, {model.name}") for model in MODELS]
    return [*tiles, (f"{findings.wall_s / 60:.1f} min", "by the clock, without installation")]


def _tables(findings: Findings) -> list[Markup]:
    blocks: list[Markup] = []
    for group in dict.fromkeys(row.group for row in findings.rows):
        found = [row for row in findings.rows if row.group == group]
        blocks.append(
            html.table(
                (group, *found[0].values), [(row.name, *row.values.values()) for row in found]
            )
        )
    blocks.append(
        html.paragraph(
            "In brackets what needs no network: the best constant, the ego inputs alone, and the "
            "nearest images' labels."
        )
    )
    return blocks


def _examples(data: Path) -> Markup:
    """Rows: modalities; columns: recorded instants."""
    dataset = Dataset.open(data)
    ids = dataset.split("train")
    chosen = [ids[i] for i in np.linspace(0, len(ids) - 1, EXAMPLES).round().astype(int)]
    kinds = [
        m
        for m in (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)
        if m in dataset.card.modalities
    ]
    drawn = Figure(figsize=(11, 1.75 * len(kinds)))
    axes = drawn.subplots(len(kinds), EXAMPLES, squeeze=False)
    for column, name in enumerate(chosen):
        episode = dataset.episode(name)
        frame = len(episode) // 2
        for row, modality in enumerate(kinds):
            axis = axes[row][column]
            axis.imshow(paint(modality, np.asarray(episode.frames(modality)[frame])))
            axis.set_xticks([])
            axis.set_yticks([])
            if column == 0:
                axis.set_ylabel(modality.value)
    return html.figure_png(
        drawn,
        "One instant of four episodes. The students see the first row alone; LiDAR from above, "
        "ahead is up.",
    )


def _splits(data: Path) -> Markup:
    dataset = Dataset.open(data)
    rows = [
        (name, len(ids), sum(len(dataset.episode(i)) for i in ids))
        for name, ids in dataset.card.splits.items()
    ]
    return html.table(("split", "episodes", "frames"), rows)


def _curves(demo: Demo) -> Markup:
    """Validation ADE by epoch of each network; in SAMD teacher and student take turns."""
    drawn = Figure(figsize=(8, 3.4))
    axis = drawn.subplots()
    drawn_as = {
        ("baseline", "student"): ("baseline", "-"),
        ("samd", "student"): ("student (SAMD)", "-"),
        ("samd", "teacher"): ("SAMD's own teacher, reset to the student each round", "--"),
        ("teacher", "teacher"): ("teacher by itself, the upper bound", ":"),
    }
    for (method, role), (name, style) in drawn_as.items():
        epochs = RunFolder(demo.out / "runs" / method).epochs()
        values = [record["val/ade_m"] for record in epochs if record["role"] == role]
        axis.plot(range(1, len(values) + 1), values, style, marker="o", markersize=3, label=name)
    axis.set_xlabel("epoch of that network")
    axis.set_ylabel("validation ADE, m")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    return html.figure_png(drawn, "Validation error while training.")


def _drives(demo: Demo) -> list[Markup]:
    parts = [
        html.paragraph(
            "Score of each route; the linked pages show path, film strip and every infraction."
        )
    ]
    records = {
        model.name: demo.done[f"drive {model.name}"]["answer"]["_checkpoint"]["records"]
        for model in MODELS
    }
    rows = []
    for index, first in enumerate(records[MODELS[0].name]):
        row = [first["route_id"]]
        for model in MODELS:
            record = records[model.name][index]
            row.append(f"{record['scores']['score_composed']:.1f} ({record['status']})")
        rows.append(row)
    parts.append(html.table(("route", *(model.name for model in MODELS)), rows))
    links = [
        Markup(f'<a href="drives/{model.name}/report.html">{model.name}</a>') for model in MODELS
    ]
    parts.append(html.element("p", *links))
    return parts


def _times(findings: Findings) -> Markup:
    rows = [(name, f"{seconds:.0f}") for name, seconds in findings.seconds.items()]
    rows.append(
        (
            "all, by the clock (the models are trained and driven side by side)",
            f"{findings.wall_s:.0f}",
        )
    )
    return html.table(("stage", "seconds"), rows)
