"""Ingest, inspect and training say the same of the same data: of a frozen camera, and of odd but
sound timing.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.inspection.findings import examine
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from auxdrive_train.ingest import READERS
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.source import SourceOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner


def make_tub(folder: Path, times_ms: list[int], frozen: bool = False) -> Path:
    (folder / "images").mkdir(parents=True)
    lines = []
    for index, time_ms in enumerate(times_ms):
        pixels = np.random.default_rng(0 if frozen else index).integers(
            0, 255, (24, 32, 3), dtype=np.uint8
        )
        Image.fromarray(pixels).save(folder / "images" / f"{index}.jpg")
        row = {
            "_index": index,
            "_timestamp_ms": 1_700_000_000_000 + time_ms,
            "cam/image_array": f"{index}.jpg",
            "_session_id": "s",
        }
        lines.append(
            json.dumps({**row, "user/angle": round(np.sin(index / 8), 3), "user/throttle": 0.5})
        )
    (folder / "catalog_0.catalog").write_text("\n".join(lines) + "\n")
    last = {
        "paths": ["catalog_0.catalog"],
        "current_index": len(lines),
        "max_len": 1000,
        "deleted_indexes": [],
    }
    manifest = ([["cam/image_array"], ["image_array"], {}, {"created_at": 0}], last)
    (folder / "manifest.json").write_text(
        "\n".join(json.dumps(line) for line in (*manifest[0], last))
    )
    return folder


def test_a_frozen_camera_is_told_by_ingest_and_by_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tub, out = (
        make_tub(tmp_path / "tub", [50 * index for index in range(120)], frozen=True),
        tmp_path / "out",
    )
    result = CliRunner().invoke(
        build_app(), ["ingest", "donkey", str(tub), "--out", str(out), "--json"]
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    frozen = ["100% of the images repeat the one before them: the camera was frozen"]
    assert (told["camera_faults"]["repeated"], told["broken"]) == (119, frozen)
    assert examine(Dataset.open(out)).broken == frozen
    shown = CliRunner().invoke(build_app(), ["ingest", "donkey", str(tub), "--out", str(out)])
    assert f"broken: {frozen[0]}" in shown.output
    assert "camera: of 120 images 119 repeat the one before them" in shown.output
    config = parse_config(
        {
            "data": str(out),
            "epochs": 1,
            "batch_size": 8,
            "threads": 1,
            "preprocessing": {"size": [64, 80]},
        }
    )
    caplog.set_level("INFO", "auxdrive_train")
    train(config, tmp_path / "run")
    said = caplog.text
    assert f"broken: {frozen[0]}" in said
    assert "measured on 1 stretch(es) of 1 s held out" in said
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["camera_faults"] == {
        "frames": 120,
        "followed": 119,
        "repeated": 119,
        "dark": 0,
        "saturated": 0,
    }
    assert record["measured_on"]["val"]["apart_s"] >= 1


@settings(max_examples=12, deadline=None)
@given(
    bursts=st.lists(st.tuples(st.integers(1, 6), st.integers(60, 1500)), min_size=2, max_size=12),
    period_ms=st.sampled_from([20, 50, 100, 333]),
)
def test_what_ingest_has_just_written_is_not_called_broken(
    bursts: list[tuple[int, int]], period_ms: int
) -> None:
    times_ms, now_ms = [], 0
    for frames, pause_ms in bursts:
        for _ in range(frames):
            times_ms.append(now_ms)
            now_ms += period_ms
        now_ms += pause_ms - period_ms
    with tempfile.TemporaryDirectory() as folder:
        tub = make_tub(Path(folder) / "tub", times_ms)
        report = build_dataset(READERS["donkey"](tub, SourceOptions()), Path(folder) / "out")
        assert report.broken == []
        assert examine(Dataset.open(Path(folder) / "out")).broken == []
