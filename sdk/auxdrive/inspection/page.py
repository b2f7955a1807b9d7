"""The HTML page of a data set: a contact sheet of its frames, histograms of its labels, and tables.
It is one file without scripts that loads nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.html.document import STYLE, head
from auxdrive.inspection.painting import data_uri, legend, paint, png
from auxdrive.inspection.palette import LINE, SERIES
from auxdrive.inspection.summary import (
    STRAIGHT_DEG,
    camera_told,
    episodes_by_split,
    number,
    open_episodes,
    sentences,
    states,
)
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import Float64

COLUMNS = 8
BINS = 41
_STYLE = (
    STYLE
    + """
body { max-width: 1180px }
.sheet { overflow-x: auto; }
.sheet td, .sheet th { padding: 2px; text-align: left; border: 0; font-size: .8rem;
                       font-weight: 400; }
.sheet th:first-child { font-weight: 600; padding-right: .6rem; }
.sheet img { display: block; width: 124px; image-rendering: pixelated; }
.none { display: block; width: 124px; color: var(--soft); text-align: center; }
.charts { display: flex; flex-wrap: wrap; gap: 1.2rem; }
.charts figure { margin: 0; }
.charts svg { max-width: 100%; height: auto }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
"""
)


def dataset_page(dataset: Dataset, summary: dict[str, Any]) -> str:
    """The page of a data set.

    Args:
        dataset: to show.
        summary: of the data set (`summary.summarise`).
    """
    episodes = open_episodes(dataset)
    facts = " · ".join(
        part
        for part in (
            f"{summary['episodes']} episodes",
            f"{summary['frames']:,} frames",
            f"{summary['rate_hz']:g} Hz",
            camera_told(summary),
            escape(summary["source"]),
            f"licence: {escape(summary['licence'])}" if summary["licence"] else "",
        )
        if part
    )
    sections = (
        f"<h1>{escape(summary['name'])}</h1><p class=soft>{facts}</p>",
        "".join(f"<p>{escape(line)}</p>" for line in sentences(summary)),
        _listed("Broken", summary["broken"]),
        _listed("Doubts", summary["doubts"]),
        "<h2>Splits</h2>" + _split_table(summary["splits"]) + _explained(),
        "<h2>Modalities</h2>" + _modality_table(summary["modalities"]),
        "<h2>Contact sheet</h2>"
        + _contact_sheet(episodes, [Modality(name) for name in summary["modalities"]]),
        "<h2>Labels</h2>" + _histograms(dataset, episodes),
        "<p class=soft>fingerprint "
        f"{summary['fingerprint'] or 'not computed: an episode is damaged'}</p>",
    )
    return (
        f'<!doctype html><html lang="en"><head>{head(summary["name"], _STYLE)}</head><body>'
        + "\n".join(sections)
        + "</body></html>\n"
    )


def _listed(title: str, sentences: list[str]) -> str:
    if not sentences:
        return f"<p>{title}: nothing was found.</p>"
    return (
        f"<h2 class=bad>{title} ({len(sentences)})</h2><ul>"
        + "".join(f"<li>{escape(line)}</li>" for line in sentences)
        + "</ul>"
    )


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _split_table(splits: dict[str, Any]) -> str:
    columns = (
        *("split", "sessions", "episodes", "frames", "seconds", "apart s"),
        *("steer mean °", "steer std °", "steer min..max °", "straight %", "speed mean m/s"),
    )
    rows = []
    for name, split in splits.items():
        steer, straight = split["steer_deg"], split["steer_deg"]["straight_share"]
        rows.append(
            (
                name,
                str(split["sessions"]),
                str(split["episodes"]),
                f"{split['frames']:,}",
                f"{split['duration_s']:.0f}",
                number(split["apart_s"]),
                number(steer["mean"]),
                number(steer["std"]),
                f"{number(steer['min'], 1)} .. {number(steer['max'], 1)}",
                number(None if straight is None else 100 * straight, 0),
                number(split["speed_mps"]["mean"]),
            )
        )
    return _table(columns, rows)


def _explained() -> str:
    return (
        "<p class=soft>apart: the least time between a frame of the split and one of any other in "
        "the same session; a dash where "
        f"they share none. straight: road-wheel angles below {STRAIGHT_DEG:g}°.</p>"
    )


def _modality_table(modalities: dict[str, Any]) -> str:
    rows = []
    for name, each in modalities.items():
        spec = MODALITIES[Modality(name)]
        shapes = ", ".join("x".join(str(extent) for extent in shape) for shape in each["shapes"])
        rows.append(
            (
                name,
                shapes,
                f"{spec.dtype}, {spec.unit}",
                str(each["episodes"]),
                f"{each['frames']:,}",
                f"{100 * each['share']:.0f} %",
            )
        )
    return _table(("modality", "shape", "stored as", "episodes", "frames", "of all frames"), rows)


def _contact_sheet(episodes: dict[str, EpisodeReader], modalities: list[Modality]) -> str:
    """A table of images with a row for each modality. Its columns are frames that are spread evenly
    over the data set.
    """
    places = [(episode, index) for episode in episodes.values() for index in range(len(episode))]
    if not places:
        return "<p>No frame can be read.</p>"
    chosen = [
        places[index]
        for index in sorted(set(np.linspace(0, len(places) - 1, COLUMNS).round().astype(int)))
    ]
    head = "".join(
        f"<th>{escape(episode.episode_id)}, {episode.state['time_s'][index]:.1f} s</th>"
        for episode, index in chosen
    )
    rows, keys = [], []
    for modality in modalities:
        cells = "".join(f"<td>{_cell(modality, episode, index)}</td>" for episode, index in chosen)
        rows.append(f"<tr><th>{modality}</th>{cells}</tr>")
        if legend(modality):
            swatches = "".join(_key(colour, meaning) for colour, meaning in legend(modality))
            keys.append(f"<p><b>{modality}</b> {swatches}</p>")
    return (
        f"<div class=sheet><table><tr><th></th>{head}</tr>{''.join(rows)}</table></div>"
        f"{''.join(keys)}"
    )


def _cell(modality: Modality, episode: EpisodeReader, index: int) -> str:
    if not episode.has(modality):
        return "<span class=none>none</span>"
    frame = np.asarray(episode.frames(modality)[index])
    # it is shown 124 pixels wide; more than twice that is enough for fine screens
    source = data_uri(png(paint(modality, frame), longest=320), "image/png")
    return f'<img alt="{modality} frame {index}" src="{source}">'


def _key(colour: str, meaning: str) -> str:
    wide = " wide" if "gradient" in colour else ""
    return (
        f'<span class=key><span class="swatch{wide}" style="background: {colour}"></span>'
        f"{escape(meaning)}</span>"
    )


def _histograms(dataset: Dataset, episodes: dict[str, EpisodeReader]) -> str:
    groups = {
        name: states(episodes, ids) for name, ids in episodes_by_split(dataset, episodes).items()
    }
    figures = []
    for label, unit, values in (
        (
            "steering",
            "°, positive left",
            {
                name: np.degrees(each["steer_rad"].astype(np.float64))
                for name, each in groups.items()
            },
        ),
        (
            "speed",
            "m/s",
            {name: each["speed_mps"].astype(np.float64) for name, each in groups.items()},
        ),
    ):
        finite = {name: each[np.isfinite(each)] for name, each in values.items()}
        everything = np.concatenate([np.zeros(0), *finite.values()])
        if not len(everything):
            figures.append(f"<p class=soft>No {label} was recorded.</p>")
            continue
        if label == "steering":
            reach = max(float(np.abs(everything).max()), 1.0)
            low, high = -reach, reach
        else:
            low, high = min(0.0, float(everything.min())), max(float(everything.max()), 1.0)
        charts = "".join(
            _chart(f"{label}, {name}", unit, each, low, high)
            for name, each in finite.items()
            if len(each)
        )
        figures.append(f"<div class=charts>{charts}</div>")
    return "".join(figures)


def _chart(title: str, unit: str, values: Float64, low: float, high: float) -> str:
    """A histogram as SVG: the share of frames over the value.

    Args:
        title: of the histogram.
        unit: of the values.
        values: (N,).
        low: left end of the horizontal axis, the same for every split.
        high: right end.
    """
    width, height, left, bottom = 360, 170, 38, 20
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    shares = 100 * counts / counts.sum()
    top = float(shares.max())
    step = (width - left) / BINS
    bars = "".join(
        f'<rect x="{left + index * step + 0.5:.1f}" '
        f'y="{(height - bottom) * (1 - share / top):.1f}" width="{step - 1:.1f}" '
        f'height="{(height - bottom) * share / top:.1f}" fill="{SERIES[0]}"/>'
        for index, share in enumerate(shares)
        if share > 0
    )
    base = height - bottom
    axis = (
        f'<line x1="{left}" y1="{base}" x2="{width}" y2="{base}" stroke="{LINE}"/>'
        + _text(left, height - 5, f"{low:.3g}", "start")
        + _text(width, height - 5, f"{high:.3g} {unit}", "end")
        + _text(left - 4, 11, f"{top:.0f} %", "end")
        + _text(left - 4, base, "0", "end")
    )
    box = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    svg = f'<svg {box} role="img" aria-label="{escape(title)}">{bars}{axis}</svg>'
    return (
        f"<figure><figcaption>{escape(title)} ({len(values):,} frames)</figcaption>{svg}</figure>"
    )


def _text(x: int, y: int, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
