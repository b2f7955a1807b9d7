"""Sessions and splits of ingested recordings: pauses end episodes and not drives, cameras share a
clock, and distances are told.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import training_parts
from auxdrive_train.ingest import READERS
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.source import SourceOptions
from auxdrive_train.ingest.splits import parse_splits
from auxdrive_train.ingest.writing import IngestReport
from PIL import Image
from typer.testing import CliRunner


def make_tub(folder: Path, times_ms: list[int], sessions: list[str] | None = None) -> Path:
    """A tub with a record at each of these times."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for index, time_ms in enumerate(times_ms):
        name = f"{index}_cam_image_array_.jpg"
        Image.new("RGB", (8, 6), (index % 250, 90, 30)).save(folder / "images" / name)
        row = {
            "_index": index,
            "_timestamp_ms": 1_700_000_000_000 + time_ms,
            "cam/image_array": name,
            "user/angle": 0.1,
            "user/throttle": 0.5,
        }
        lines.append(
            json.dumps({**row, "_session_id": sessions[index] if sessions else "26-01-01_0"})
        )
    (folder / "catalog_0.catalog").write_text("\n".join(lines) + "\n")
    last = {
        "paths": ["catalog_0.catalog"],
        "current_index": len(lines),
        "max_len": 1000,
        "deleted_indexes": [],
    }
    manifest: list[Any] = [
        ["cam/image_array", "user/angle"],
        ["image_array", "float"],
        {},
        {"created_at": 0},
        last,
    ]
    (folder / "manifest.json").write_text("\n".join(json.dumps(line) for line in manifest))
    return folder


def make_udacity(folder: Path, rows: int) -> Path:
    (folder / "IMG").mkdir(parents=True)
    lines = ["center,left,right,steering,throttle,brake,speed"]
    for index in range(rows):
        stamp = f"2023_03_23_00_{index // 600:02d}_{index // 10 % 60:02d}_{index % 10}00"
        names = [f"{camera}_{stamp}.jpg" for camera in ("center", "left", "right")]
        for name in names:
            Image.new("RGB", (8, 6), (index % 250, 0, 0)).save(folder / "IMG" / name)
        lines.append(",".join([*(f"IMG/{name}" for name in names), "0.5", "0.9", "0.1", "10"]))
    (folder / "driving_log.csv").write_text("\n".join(lines) + "\n")
    return folder


def ingest(
    source: Path, out: Path, form: str = "donkey", cameras: Any = None, **more: Any
) -> tuple[IngestReport, Dataset]:
    report = build_dataset(READERS[form](source, SourceOptions(cameras=cameras)), out, **more)
    return report, Dataset.open(out)


def bursts(count: int, frames: int = 8, pause_ms: int = 400) -> list[int]:
    """Times of a drive that is recorded while the throttle is pressed: 20 Hz with pauses."""
    return [
        burst * (50 * (frames - 1) + pause_ms) + 50 * frame
        for burst in range(count)
        for frame in range(frames)
    ]


def test_pauses_end_episodes_and_not_the_drive(tmp_path: Path) -> None:
    times_ms = bursts(60)
    report, dataset = ingest(make_tub(tmp_path / "tub", times_ms), tmp_path / "out")
    assert len(dataset) == 60
    assert {dataset.origin(each).session for each in dataset.episode_ids} == {"tub/26-01-01_0"}
    assert [dataset.origin(each).start_s for each in dataset.episode_ids] == pytest.approx(
        [0.75 * burst for burst in range(60)]
    )
    parts = training_parts(dataset)
    places = {each: np.arange(8) + 8 * place for place, each in enumerate(dataset.episode_ids)}
    train_ms, held_ms = (
        np.array(times_ms)[
            np.concatenate([places[part.episode_id][part.start : part.stop] for part in which])
        ]
        for which in (parts.train, parts.validation)
    )
    assert np.abs(train_ms[:, None] - held_ms).min() >= 1000
    assert 0.15 < len(held_ms) / len(times_ms) < 0.25
    assert len(train_ms) / len(times_ms) > 0.7
    (told,) = [note for note in report.notes if "training will validate on" in note]
    assert told.endswith(parts.how)


def test_cameras_of_one_instant_are_on_one_side(tmp_path: Path) -> None:
    _, dataset = ingest(
        make_udacity(tmp_path / "log", 300),
        tmp_path / "out",
        "udacity",
        ("center", "left", "right"),
    )
    assert sorted(dataset.episode_ids) == ["train-0000", "train-left-0000", "train-right-0000"]
    assert {dataset.origin(each).session for each in dataset.episode_ids} == {"log"}
    parts = training_parts(dataset)
    stretches = {
        each: [(part.start, part.stop) for part in parts.validation if part.episode_id == each]
        for each in dataset.episode_ids
    }
    assert set(map(tuple, stretches.values())) == {((240, 300),)}
    assert parts.apart_s is not None
    assert parts.apart_s >= 1


def test_sessions_are_held_out_whole(tmp_path: Path) -> None:
    sessions = [f"26-01-0{index // 40}_{index // 40}" for index in range(200)]
    times_ms = [50 * index + 60_000 * (index // 40) for index in range(200)]
    _, dataset = ingest(make_tub(tmp_path / "tub", times_ms, sessions), tmp_path / "out")
    assert [dataset.origin(each).session for each in dataset.episode_ids] == [
        f"tub/26-01-0{k}_{k}" for k in range(5)
    ]
    parts = training_parts(dataset)
    assert [part.episode_id for part in parts.validation] == ["train-0004"]
    assert parts.how == "1 of 5 training sessions, in other sessions than training frames"


@pytest.mark.parametrize(("pause_s", "sessions"), [(0.1, 1), (4.9, 1), (5.1, 3)])
def test_a_program_that_was_started_again_on_the_spot_goes_on_with_the_drive(
    tmp_path: Path, pause_s: float, sessions: int
) -> None:
    """Its first frames show what the last ones before showed, whatever number of the session it
    writes.
    """
    times_ms = [50 * index + round(1000 * pause_s) * (index // 100) for index in range(300)]
    names = [f"26-01-01_{index // 100}" for index in range(300)]
    _, dataset = ingest(make_tub(tmp_path / "tub", times_ms, names), tmp_path / "out")
    assert len(dataset) == 3
    assert len({dataset.origin(each).session for each in dataset.episode_ids}) == sessions
    parts = training_parts(dataset)
    assert (parts.apart_s is None) == (sessions == 3)
    assert parts.apart_s is None or parts.apart_s >= 1


def test_a_clock_that_was_set_back_does_not_part_neighbours(tmp_path: Path) -> None:
    """Frames that were taken one after the other stay neighbours on the session's clock."""
    times_ms = [50 * index - (3_600_000 if index >= 60 else 0) for index in range(100)]
    _, dataset = ingest(make_tub(tmp_path / "tub", times_ms), tmp_path / "out")
    assert [dataset.origin(each).start_s for each in dataset.episode_ids] == pytest.approx(
        [0.0, 3.0]
    )
    parts = training_parts(dataset)
    assert parts.apart_s is not None
    assert 1 <= parts.apart_s < 2


@pytest.mark.parametrize(
    ("ranges", "apart_s"), [(["train=:60", "val=60:"], 0.05), (["train=:50", "val=80:"], 1.55)]
)
def test_the_distance_of_splits_that_were_asked_for_is_told(
    tmp_path: Path, ranges: list[str], apart_s: float
) -> None:
    report, dataset = ingest(
        make_tub(tmp_path / "tub", [50 * n for n in range(100)]),
        tmp_path / "out",
        splits=parse_splits(ranges),
    )
    assert dataset.card.apart_s == pytest.approx({"train": apart_s, "val": apart_s})
    assert report.apart_s == dataset.card.apart_s
    (told,) = [note for note in report.notes if note.startswith("split 'val'")]
    assert f"at least {apart_s:.2f} s from the other splits" in told
    assert ("too close" in told) == (apart_s < 1)
    assert any("leave a second or more out" in note for note in report.notes) == (apart_s < 1)
    assert not any("training will validate on" in note for note in report.notes)


def test_what_is_too_short_to_train_on_is_told_at_once(tmp_path: Path) -> None:
    report, dataset = ingest(make_tub(tmp_path / "tub", [0, 50, 100]), tmp_path / "out")
    assert len(dataset) == 1
    assert any("cannot be trained on" in note and "record longer" in note for note in report.notes)


def test_a_stopped_ingest_goes_on_and_the_card_is_the_same(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", bursts(6))
    _, whole = ingest(tub, tmp_path / "whole")
    again, dataset = ingest(tub, tmp_path / "whole")
    assert again.resumed == 6
    assert dataset.card == whole.card


def test_the_command_tells_the_distance(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", bursts(20))
    arguments = [
        "ingest",
        "donkey",
        str(tub),
        "--out",
        str(tmp_path / "out"),
        "--split",
        "train=:100",
        "--split",
        "val=100:",
        "--json",
    ]
    result = CliRunner().invoke(build_app(), arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["apart_s"] == pytest.approx({"train": 0.05, "val": 0.05})
