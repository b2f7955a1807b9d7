"""The demo's page: how well the students do, what the rounds of DAgger brought, what was recorded,
and where to look further.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.html import blocks as html
from auxdrive.html.blocks import Markup
from auxdrive.html.charts import Line, line_chart
from auxdrive.inspection.painting import legend, paint, png
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from auxdrive.work import counted

from auxdrive_eval.dagger.folder import Round
from auxdrive_eval.demo.drives import drives_section
from auxdrive_eval.demo.findings import OPEN_LOOP, Findings
from auxdrive_eval.demo.settings import BUDGET, MODELS
from auxdrive_eval.demo.stages import Demo

EXAMPLES = 4
_TITLES = {Modality.RGB: "Camera (RGB)"}


def demo_report(demo: Demo, findings: Findings) -> str:
    """The whole page.

    Args:
        demo: of which all stages have finished.
        findings: what `auxdrive_eval.demo.findings.gather` made of their outputs.

    Raises:
        DataError: the data set, a run or the record of a drive is damaged.
    """
    rounds = findings.rounds
    parts = [
        html.paragraph(findings.verdict, css="notice"),
        html.tiles(_tiles(findings)),
        html.section(
            "What this page can show, and what not",
            *(html.paragraph(text) for text in _reach(findings)),
        ),
        html.section("Results", *_tables(findings)),
        html.section("Round by round", *_by_round(rounds)),
        html.section("The same routes, driven by each", *drives_section(demo)),
        html.section("What was recorded", *_recorded(demo, rounds)),
        html.section("How they learned", _curves(demo, rounds)),
        html.section("Where the time went", _times(findings)),
    ]
    about = (
        f"the budget {BUDGET}: {rounds[0].frames} frames of the expert, "
        f"{counted(len(rounds) - 1, 'round')} of DAgger to {rounds[-1].frames_in_all} frames; "
        f"{counted(demo.settings.routes, 'unseen route')}"
    )
    return html.page("auxdrive demo", parts, about)


def _reach(findings: Findings) -> tuple[str, ...]:
    chosen = next(each.number for each in findings.rounds if each.chosen)
    student = (
        f"The student is that of round {chosen} ({findings.chosen.why}), which has also seen where "
        "its own mistakes lead. It has trained on more frames and for longer, so the difference "
        "between them is that of all this together. "
        if chosen
        else f"No round brought a better one, so the student is the same ({findings.chosen.why}). "
    )
    return (
        "It shows that the whole line works on this machine: recording, training, rounds in which "
        "the student drives and the expert says what is right, export, the check of the exported "
        "graph, and driving. Driving scores come from auxdrive's embedded simulator under the "
        "rules of leaderboard 1.0. They are no CARLA scores.",
        "The first student has learned from the expert's drives alone. "
        + student
        + "Each was trained once, from one seed; the interval above is over routes alone, and "
        "another training seed may turn it round. benchmarks/demo_seeds.py repeats it over seeds.",
        "Both see the camera alone. What other sensors are worth as teachers it does not show: "
        "auxdrive train --method samd trains with them, and benchmarks/sensors.py measures it.",
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
        models = sum(name in MODELS for name in columns)
        apart = (("without a network", len(columns) - models),) if group == OPEN_LOOP else ()
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


def _by_round(rounds: tuple[Round, ...]) -> Iterator[Markup]:
    """DAgger's curve: what each round's student is worth on the expert's validation part, and what
    went wrong while it drove in the next one.
    """
    made = [each for each in rounds if each.mistakes is not None]
    episodes = [(each.number, _percent(each, "episodes")) for each in made]
    frames = [(each.number, _percent(each, "frames")) for each in made]
    charts = [
        line_chart(
            f"Validation: {rounds[0].metric}",
            [Line("student of the round", [(each.number, each.open_loop) for each in rounds])],
            "round",
        ),
        line_chart(
            "While the student of the round before drove, %",
            [Line("episodes with mistakes", episodes), Line("frames around mistakes", frames)],
            "round",
        ),
    ]
    if any(each.driving_score is not None for each in rounds):
        scores = [(each.number, each.driving_score) for each in rounds]
        drawn = [Line("student of the round", scores)]
        charts.append(line_chart("Validation routes: driving score, of 100", drawn, "round"))
    yield html.element("div", *charts, css="charts")
    columns = (
        "round", "expert drives, %", "frames", "in all", "episodes with mistakes, %",
        "frames around mistakes, %", f"validation {rounds[0].metric}", "chosen",
    )  # fmt: skip
    yield html.table(columns, [_row(each) for each in rounds])
    yield html.paragraph(
        "Mistakes are those of the student of the round before; the less the expert drives in its "
        "place, the more of them there may be. The validation part is the expert's in every round.",
        css="soft",
    )


def _row(each: Round) -> tuple[object, ...]:
    shares = [_percent(each, what) for what in ("episodes", "frames")]
    return (
        each.number,
        "100" if each.mix is None else f"{100 * each.mix:.0f}",
        each.frames,
        each.frames_in_all,
        *("" if share is None else f"{share:.0f}" for share in shares),
        "" if each.open_loop is None else f"{each.open_loop:.3f}",
        "yes" if each.chosen else "",
    )


def _percent(each: Round, what: str) -> float | None:
    """The share of episodes with mistakes, or of frames around them, in percent."""
    made = each.mistakes
    if made is None:
        return None
    part, whole = (
        (made.episodes, each.episodes) if what == "episodes" else (made.frames_near, each.frames)
    )
    return 100 * part / whole if whole else None


def _recorded(demo: Demo, rounds: tuple[Round, ...]) -> Iterator[Markup]:
    """Each recorded modality at a few instants of the expert's drives and of the last student's,
    and how many frames there are of each.
    """
    numbers = [each.number for each in rounds if each.frames is not None]
    data = {number: Dataset.open(demo.folder.data_of(number)) for number in numbers}
    for number in dict.fromkeys((numbers[0], numbers[-1])):
        who = f"the student of round {number - 1} drives" if number else "the expert drives"
        yield from _examples(data[number], who)
    rows = [
        (number, name, len(ids), sum(len(each.episode(i)) for i in ids))
        for number, each in data.items()
        for name, ids in each.card.splits.items()
    ]
    yield html.table(("round", "split", "episodes", "frames"), rows)


def _examples(dataset: Dataset, who: str) -> Iterator[Markup]:
    ids = dataset.split("train")
    chosen = [ids[i] for i in np.linspace(0, len(ids) - 1, EXAMPLES).round().astype(int)]
    for modality in dataset.card.modalities:
        shots = []
        for name in dict.fromkeys(chosen):
            episode = dataset.episode(name)
            frame = len(episode) // 2
            image = paint(modality, np.asarray(episode.frames(modality)[frame]))
            time_s = float(episode.state["time_s"][frame])
            shots.append((png(image), f"{name}, {time_s:.1f}\u00a0s", ""))
        yield html.element("h3", f"{_TITLES.get(modality, modality.value)}, while {who}")
        yield html.film_strip(shots)
        if keys := legend(modality):
            yield html.legend(keys)


def _curves(demo: Demo, rounds: tuple[Round, ...]) -> Markup:
    """Validation errors of each round's student by epoch."""
    metric = f"val/{rounds[0].metric}"
    lines = []
    for each in rounds:
        epochs = RunFolder(demo.folder.run_of(each.number)).epochs()
        points = list(enumerate((record[metric] for record in epochs), start=1))
        lines.append(Line(f"round {each.number}", points))
    title = f"Validation: {rounds[0].metric}"
    return html.element("div", line_chart(title, lines, "epoch of the round"), css="charts")


def _times(findings: Findings) -> Markup:
    rows = [
        (name, f"{seconds:.0f}" if seconds >= 1 else "below 1")
        for name, seconds in findings.seconds.items()
    ]
    return html.table(
        ("stage", "time, s"), [*rows, ("all, by the clock", f"{findings.wall_s:.0f}")]
    )
