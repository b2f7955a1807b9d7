"""Ingest of the Udacity simulator's recordings: cameras, units, hostile logs."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError, UsageError
from auxdrive_train.ingest.source import SourceOptions
from auxdrive_train.ingest.splits import parse_splits
from recordings import make_udacity, run

SHARED = Path(os.environ.get("AUXDRIVE_SHARED", Path(__file__).resolve().parents[2] / "../shared"))


@pytest.mark.parametrize(
    ("header", "prefix"),
    [(True, "IMG/"), (False, "C:\\Users\\me\\Desktop\\IMG\\"), (False, "/home/me/IMG/")],
)
def test_udacity_recordings(tmp_path: Path, header: bool, prefix: str) -> None:
    report, dataset = run(
        make_udacity(tmp_path / "log", header, prefix), tmp_path / "out", "udacity"
    )
    assert report.frames == {"train": 5}
    assert report.rate_hz == pytest.approx(10)
    state = dataset.episode("train-0000").state
    np.testing.assert_allclose(state["steer_rad"], -math.radians(12.5), atol=1e-6)
    np.testing.assert_allclose(state["speed_mps"], 4.4704, rtol=1e-6)
    np.testing.assert_allclose(state["brake"], 0.1, rtol=1e-6)


def test_what_no_source_records_goes_into_the_card_and_stays_there(tmp_path: Path) -> None:
    log, options = make_udacity(tmp_path / "log"), SourceOptions(fov_deg=60, wheelbase_m=2.9)
    _, dataset = run(log, tmp_path / "out", "udacity", options)
    assert (dataset.card.camera.fov_deg, dataset.card.vehicle.wheelbase_m) == (60, 2.9)
    assert run(log, tmp_path / "out", "udacity", options)[0].resumed == 1
    for other in (
        SourceOptions(),
        SourceOptions(fov_deg=61, wheelbase_m=2.9),
        SourceOptions(fov_deg=60, wheelbase_m=2.8),
    ):
        with pytest.raises(DataError, match="another data set"):
            run(log, tmp_path / "out", "udacity", other)
    assert Dataset.open(tmp_path / "out").card == dataset.card


def test_udacity_side_cameras_steer_back_to_the_middle(tmp_path: Path) -> None:
    options = SourceOptions(cameras=("center", "left", "right"), side_correction=0.3)
    _, dataset = run(
        make_udacity(tmp_path / "log"),
        tmp_path / "out",
        "udacity",
        options,
        splits=parse_splits(["train=:3", "val=3:"]),
    )
    assert dataset.split("train") == ("train-0000", "train-left-0000", "train-right-0000")
    steer = {
        episode_id: dataset.episode(episode_id).state["steer_rad"][0] / math.radians(25)
        for episode_id in dataset.split("train")
    }
    assert steer == pytest.approx(
        {"train-0000": -0.5, "train-left-0000": -0.8, "train-right-0000": -0.2}, abs=1e-6
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no recording of Udacity"),
        ("", "it is empty"),
        (
            "a,b,c\n",
            "line 1: the header names the columns a, b, c; needed are center, steering, throttle, "
            "brake, speed",
        ),
        ("a.jpg,b.jpg,c.jpg,nan,0,0,1\n", "1 steering, throttle"),
        ("a.jpg,b.jpg,c.jpg,2,0,0,1\n", "1 steering beyond"),
        ("..,b.jpg,c.jpg,0,0,0,1\n", "1 no image of the center camera is named"),
        ('"a.jpg,b\n', "not CSV"),
        ('"a.jpg,b', "not CSV"),
        ("a.jpg,b.jpg,c.jpg,0,0,0,1\n", "no record has an image"),
    ],
)
def test_hostile_udacity_logs(tmp_path: Path, text: str | None, message: str) -> None:
    log = make_udacity(tmp_path / "log") / "driving_log.csv"
    log.unlink()
    if text is not None:
        log.write_text(text)
    with pytest.raises(DataError, match=message):
        run(tmp_path / "log", tmp_path / "out", "udacity")


def test_a_row_that_was_cut_off_costs_one_record(tmp_path: Path) -> None:
    log = make_udacity(tmp_path / "log") / "driving_log.csv"
    text = log.read_text()
    log.write_text(
        text[: text.rindex(",") + 2]
    )  # the speed has lost its second digit and the line its end
    report, _ = run(tmp_path / "log", tmp_path / "out", "udacity")
    assert (report.frames, report.skipped) == ({"train": 4}, {"cut off while it was written": 1})


def test_unknown_cameras(tmp_path: Path) -> None:
    make_udacity(tmp_path / "log")
    for cameras in (("centre",), ()):
        with pytest.raises(UsageError, match="camera"):
            run(tmp_path / "log", tmp_path / "out", "udacity", SourceOptions(cameras=cameras))


def shared(name: str) -> Path:
    path = SHARED / "data" / name
    if not path.is_dir():
        pytest.skip(f"the shared recording {name} is not there")
    return path


def test_the_real_udacity_recording(tmp_path: Path) -> None:
    report, dataset = run(shared("udacity_sim_sample"), tmp_path / "out", "udacity")
    assert report.frames["train"] == 60
    speeds = np.concatenate(
        [dataset.episode(episode_id).state["speed_mps"] for episode_id in dataset.episode_ids]
    )
    assert 10 < speeds.mean() < 14  # 30 miles per hour, the simulator's limit
