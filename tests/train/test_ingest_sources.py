"""Ingest: real recordings, labels with units and signs, broken time, and what was stopped."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.data.derived import derive
from auxdrive.data.timing import breaks
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive.storage.folders import held
from auxdrive_train.ingest import READERS, clock
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.source import SourceOptions
from auxdrive_train.ingest.splits import parse_splits, split_of
from auxdrive_train.ingest.writing import MAX_EPISODE_FRAMES
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from recordings import make_tub, run

SHARED = Path(os.environ.get("AUXDRIVE_SHARED", Path(__file__).resolve().parents[2] / "../shared"))


def test_a_folder_that_another_process_fills_is_left_alone(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub")
    with (
        held(tmp_path / "out"),
        pytest.raises(UsageError, match="another process is writing there"),
    ):
        run(tub, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert run(tub, tmp_path / "out")[0].frames == {"train": 6}


def test_a_tub_becomes_a_data_set(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [{}, {"user/angle": 1.0, "user/throttle": -0.25}, {}])
    report, dataset = run(tub, tmp_path / "out", licence="MIT")
    assert report.frames == {"train": 3}
    assert dataset.split("train") == ("train-0000",)
    card = dataset.card
    assert (card.rate_hz, card.camera.width, card.camera.height, card.licence) == (
        20.0,
        16,
        12,
        "MIT",
    )
    episode = dataset.episode("train-0000")
    np.testing.assert_allclose(episode.state["time_s"], [0, 0.05, 0.1], atol=1e-6)
    # Positive angles of a donkeycar steer to the right; the maximum steering angle is 25
    # degrees.
    np.testing.assert_allclose(episode.state["steer_rad"], -np.radians([0, 25, 5]), atol=1e-6)
    np.testing.assert_array_equal(episode.state["throttle"], np.float32([0.5, 0, 0.5]))
    np.testing.assert_array_equal(episode.state["brake"], np.float32([0, 0.25, 0]))
    assert np.isnan(episode.state["speed_mps"]).all()
    assert np.isnan(episode.state["x_m"]).all()
    with Image.open(tub / "images" / "1_cam_image_array_.jpg") as image:
        np.testing.assert_array_equal(episode.frames(Modality.RGB)[1], np.asarray(image))


def test_every_record_says_which_session_it_belongs_to(tmp_path: Path) -> None:
    tub = make_tub(
        tmp_path / "tub",
        [{"_session_id": "26-01-01_0"}, {"_session_id": "26-01-01_1"}, {"_session_id": None}, {}],
    )
    assert [record.session for record in READERS["donkey"](tub, SourceOptions()).records] == [
        *("tub/26-01-01_0", "tub/26-01-01_1"),
        *("tub", "tub"),
    ]


def test_derived_modalities_and_scaling(tmp_path: Path) -> None:
    done: list[int] = []
    _, dataset = run(
        make_tub(tmp_path / "tub"),
        tmp_path / "out",
        derived=(Modality.EDGE, Modality.FREQUENCY),
        image_size=(8, 6),
        progress=done.append,
    )
    episode = dataset.episode("train-0000")
    assert episode.frame_shape(Modality.RGB) == (6, 8, 3)
    np.testing.assert_array_equal(
        episode.frames(Modality.EDGE), derive(Modality.EDGE, episode.frames(Modality.RGB))
    )
    assert dataset.card.modalities == (Modality.RGB, Modality.EDGE, Modality.FREQUENCY)
    assert sum(done) == 6 * 3
    with pytest.raises(UsageError, match="attention cannot be derived from a camera image"):
        run(tmp_path / "tub", tmp_path / "other", derived=(Modality.ATTENTION,))


def test_splits_go_by_source_index_and_what_is_in_none_is_counted(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [{"source_index": 10 * index} for index in range(10)])
    report, dataset = run(tub, tmp_path / "out", splits=parse_splits(["test=60:80", "train=:50"]))
    assert report.frames == {"train": 5, "test": 2}
    assert report.skipped == {"in no split": 3}
    assert report.index_field == "source_index"
    np.testing.assert_allclose(
        dataset.episode(dataset.split("test")[0]).state["steer_rad"],
        -np.radians(25) * np.array([0.6, 0.7]),
        atol=1e-6,
    )
    with pytest.raises(UsageError, match="no usable record has its source_index"):
        run(tub, tmp_path / "other", splits=parse_splits(["train=:50", "test=500:600"]))
    assert not (tmp_path / "other").exists()


def test_long_drives_are_cut(tmp_path: Path) -> None:
    report, dataset = run(
        make_tub(tmp_path / "tub", MAX_EPISODE_FRAMES + 3, size=(2, 2)), tmp_path / "out"
    )
    assert [len(dataset.episode(episode_id)) for episode_id in report.episodes["train"]] == [
        MAX_EPISODE_FRAMES,
        3,
    ]
    assert dataset.episode("train-0001").state["time_s"][0] == 0


BASE = 1_700_000_000_000


@pytest.mark.parametrize(
    ("stamps", "lengths", "note"),
    [
        ([0, 50, 100, 5000, 5050, 5100], [3, 3], "1 gaps"),
        ([0, 50, 100, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550], [3, 10], "1 repeated"),
        ([0, 50, 100, 20, 70, 120, 170, 220, 270, 320, 370, 420, 470], [3, 10], "1 going back"),
        ([0, 0, 0, 0], [4], "timestamps are not used (3 of 3"),
        ([0, 50, ..., 150], [4], "1 of 4 records have no usable timestamp"),
        ([0, 50, math.nan, 150], [4], "1 of 4 records have no usable timestamp"),
        ([0, 50, "x", 150], [4], "no usable timestamp"),
        (
            [0, 50, ..., *range(150, 1000, 50)],
            [20],
            "timestamps: 20 Hz; 0 gaps longer than 5 periods, 0 repeated, 0 going back; 1 missing",
        ),
        ([..., *range(50, 950, 50), "x"], [20], "0 going back; 2 missing, interpolated"),
        ([..., ..., ..., *range(150, 1000, 50)], [20], "3 of 20 records have no usable timestamp"),
    ],
)
def test_broken_time_is_reported_and_ends_an_episode(
    tmp_path: Path, stamps: list[Any], lengths: list[int], note: str
) -> None:
    rows = [
        {"_timestamp_ms": BASE + stamp if isinstance(stamp, int | float) else stamp}
        for stamp in stamps
    ]
    report, dataset = run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    assert [len(dataset.episode(episode_id)) for episode_id in dataset.episode_ids] == lengths
    assert note in report.notes[0]


@given(
    steps=st.lists(
        st.integers(-200, 2000).filter(lambda step: not 0 < step < 5), min_size=1, max_size=30
    )
)
def test_no_clock_lets_time_stand_or_leap_inside_an_episode(steps: list[int]) -> None:
    times = list(np.cumsum([0, *steps]) / 1000.0)
    judged = clock.judge(times, range(len(times)), 20.0)
    assert 0.5 <= judged.rate_hz <= 200
    for step_s in np.diff(judged.time_s):
        assert breaks(step_s, judged.rate_hz) or 0 < step_s <= 5 / judged.rate_hz


def test_a_stopped_ingest_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    tub = make_tub(
        tmp_path / "tub",
        [{"_timestamp_ms": BASE + 50 * index + 9999 * (index // 4)} for index in range(12)],
    )
    _, whole = run(tub, tmp_path / "whole", derived=(Modality.EDGE,))

    def stop(steps: int, seen: list[int] = []) -> None:  # noqa: B006  # counts the calls
        seen.append(steps)
        if len(seen) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tub, tmp_path / "stopped", derived=(Modality.EDGE,), progress=stop)
    assert [entry.name for entry in (tmp_path / "stopped" / "episodes").iterdir()] == ["train-0000"]
    report, stopped = run(tub, tmp_path / "stopped", derived=(Modality.EDGE,))
    assert report.resumed == 1
    assert stopped.fingerprint() == whole.fingerprint()
    assert stopped.card == whole.card
    assert stopped.missing(Modality.EDGE) == ()


def shared(name: str) -> Path:
    path = SHARED / "data" / name
    if not path.is_dir():
        pytest.skip(f"the shared recording {name} is not there")
    return path


def test_the_real_tub(tmp_path: Path) -> None:
    source = READERS["donkey"](shared("donkey_track2"), SourceOptions())
    assert source.rate_hz == pytest.approx(10, abs=0.1)
    splits = parse_splits(["train=:9800", "test=10000:12000", "shift=13000:"])
    counts = [split_of(record.index, splits) for record in source.records]
    assert [counts.count(name) for name in ("train", "test", "shift", None)] == [
        3145,
        648,
        868,
        247,
    ]
    report = build_dataset(source, tmp_path / "out", parse_splits(["test=10000:10400"]))
    dataset = Dataset.open(tmp_path / "out")
    assert report.frames["test"] == sum(
        len(dataset.episode(episode_id)) for episode_id in dataset.split("test")
    )
    assert dataset.episode(dataset.episode_ids[0]).frame_shape(Modality.RGB) == (120, 160, 3)
