"""Recordings of foreign formats for the tests of ingest, as their programs write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive_train.ingest import READERS
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.join import join_sources
from auxdrive_train.ingest.source import Source, SourceOptions
from auxdrive_train.ingest.writing import IngestReport
from PIL import Image

TUB_START_MS = 1_700_000_000_000


def tub_row(index: int, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A record as donkeycar writes it at 20 Hz, the angle rising with the index; `...` takes a key
    away.
    """
    row = {
        "_index": index,
        "_timestamp_ms": TUB_START_MS + 50 * index,
        "cam/image_array": f"{index}_cam_image_array_.jpg",
        "user/angle": (index % 10) / 10,
        "user/throttle": 0.5,
        "user/mode": "user",
    } | (changes or {})
    return {key: value for key, value in row.items() if value is not ...}


def make_tub(
    folder: Path,
    rows: list[dict[str, Any]] | int = 6,
    deleted: list[int] | None = None,
    size: tuple[int, int] = (16, 12),
) -> Path:
    """A tub of two catalogs; `rows` are what is other than in `tub_row`, or how many records there
    are.
    """
    (folder / "images").mkdir(parents=True)
    if isinstance(rows, int):
        rows = [{} for _ in range(rows)]
    for index in range(len(rows)):
        pixels = np.random.default_rng(index).integers(
            0, 255, (size[1], size[0], 3), dtype=np.uint8
        )
        Image.fromarray(pixels).save(folder / "images" / f"{index}_cam_image_array_.jpg")
    lines = [json.dumps(tub_row(index, changes)) for index, changes in enumerate(rows)]
    half = len(lines) // 2
    (folder / "catalog_0.catalog").write_text("\n".join(lines[:half]) + "\n")
    (folder / "catalog_1.catalog").write_text("\n".join(lines[half:]) + "\n")
    write_manifest(folder, ["catalog_0.catalog", "catalog_1.catalog"], deleted or [])
    return folder


def write_manifest(folder: Path, paths: list[str], deleted: list[Any]) -> None:
    last = {"paths": paths, "current_index": 0, "max_len": 1000, "deleted_indexes": deleted}
    lines = [
        ["cam/image_array", "user/angle"],
        ["image_array", "float"],
        {},
        {"created_at": 0},
        last,
    ]
    (folder / "manifest.json").write_text("\n".join(json.dumps(line) for line in lines))


UDACITY_HEADER = "center,left,right,steering,throttle,brake,speed"


def udacity_names(index: int) -> list[str]:
    """The images of a row, 10 a second."""
    second, tenth = divmod(index, 10)
    return [
        f"{camera}_2023_03_23_00_{39 + second // 60}_{second % 60:02d}_{tenth}00.jpg"
        for camera in ("center", "left", "right")
    ]


def udacity_row(index: int, prefix: str = "IMG/", steering: str = "0.5") -> str:
    center, left, right = udacity_names(index)
    return f"{prefix}{center}, {prefix}{left}, {prefix}{right}, {steering}, 0.9, 0.1, 10"


def make_udacity(
    folder: Path,
    header: bool = True,
    prefix: str = "IMG/",
    rows: int = 5,
    lines: list[str] | None = None,
) -> Path:
    """A recording with the images of `rows` rows, and these rows or `lines` in the log."""
    (folder / "IMG").mkdir(parents=True)
    for index in range(rows):
        for name in udacity_names(index):
            Image.new("RGB", (16, 8), (index % 25 * 10, 0, 0)).save(folder / "IMG" / name)
    told = [udacity_row(index, prefix) for index in range(rows)] if lines is None else lines
    (folder / "driving_log.csv").write_text(
        "\n".join(([UDACITY_HEADER] if header else []) + told) + "\n"
    )
    return folder


def run(
    source: Path,
    out: Path,
    form: str = "donkey",
    options: SourceOptions | None = None,
    **kwargs: Any,
) -> tuple[IngestReport, Dataset]:
    report = build_dataset(READERS[form](source, options or SourceOptions()), out, **kwargs)
    return report, Dataset.open(out)


def note_with(report: IngestReport, text: str) -> str:
    """The note that holds that text."""
    found = [note for note in report.notes if text in note]
    assert len(found) == 1, report.notes
    return found[0]


def read(*folders: Path, form: str = "donkey", **options: Any) -> Source:
    """Several recordings of a format as one source; `options` as for `SourceOptions`."""
    return join_sources([READERS[form](folder, SourceOptions(**options)) for folder in folders])


def tubs(tmp_path: Path) -> tuple[Path, Path]:
    """Two tubs of different labels, with 6 and 8 records."""
    return make_tub(tmp_path / "tub_1", 6), make_tub(tmp_path / "tub_2", [{"user/angle": -0.5}] * 8)


def frames_of(dataset: Dataset) -> dict[str, int]:
    """How many frames each episode has."""
    return {each: len(dataset.episode(each)) for each in dataset.episode_ids}
