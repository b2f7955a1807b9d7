"""Several recordings in one data set: read together, or one after the other by the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.errors import AuxdriveError, DataError, UsageError
from auxdrive_train.ingest.add import add_to_dataset
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.splits import parse_splits
from recordings import TUB_START_MS, frames_of, make_tub, make_udacity, read, tubs
from typer.testing import CliRunner


def test_several_sources_make_one_data_set_of_several_sessions(tmp_path: Path) -> None:
    report = build_dataset(read(*tubs(tmp_path)), tmp_path / "out")
    dataset = Dataset.open(tmp_path / "out")
    assert report.frames == {"train": 14}
    assert frames_of(dataset) == {"train-0000": 6, "train-0001": 8}
    assert [dataset.origin(each).session for each in dataset.episode_ids] == ["tub_1", "tub_2"]
    assert "donkey tub tub_1" in dataset.card.source
    assert "donkey tub tub_2" in dataset.card.source


def test_a_source_is_a_unit_of_splitting(tmp_path: Path) -> None:
    splits = parse_splits(["train=tub_1", "val=tub_2::5", "test=tub_2:5:"])
    report = build_dataset(read(*tubs(tmp_path)), tmp_path / "out", splits)
    assert report.frames == {"train": 6, "val": 5, "test": 3}
    with pytest.raises(UsageError, match="unknown source 'tub_3'"):
        build_dataset(
            read(tmp_path / "tub_1", tmp_path / "tub_2"),
            tmp_path / "other",
            parse_splits(["val=tub_3"]),
        )
    with pytest.raises(UsageError, match="several sources; say of which"):
        build_dataset(
            read(tmp_path / "tub_1", tmp_path / "tub_2"),
            tmp_path / "other",
            parse_splits(["val=:5"]),
        )


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    one, other = make_tub(tmp_path / "monday" / "tub", 6), make_tub(tmp_path / "tuesday" / "tub", 7)
    build_dataset(read(one, other), tmp_path / "out")
    dataset = Dataset.open(tmp_path / "out")
    assert {dataset.origin(each).session for each in dataset.episode_ids} == {"tub", "tub-2"}


def test_the_same_recording_twice_is_refused_by_any_path(tmp_path: Path) -> None:
    one = make_tub(tmp_path / "tub", 6)
    (tmp_path / "link").symlink_to(one)
    shutil.copytree(one, tmp_path / "elsewhere" / "tub")
    shutil.copytree(one, tmp_path / "copy")
    build_dataset(read(one), tmp_path / "out")
    before = Dataset.open(tmp_path / "out").fingerprint()
    for other in (one, tmp_path / "link", tmp_path / "elsewhere" / "tub", tmp_path / "copy"):
        with pytest.raises(UsageError, match=r"is named twice|copy is a copy of tub"):
            read(one, other)
        with pytest.raises(
            UsageError,
            match=r"already; there is nothing to add|holds what copy does as tub: it is a copy",
        ):
            add_to_dataset(read(other), tmp_path / "out")
    assert Dataset.open(tmp_path / "out").fingerprint() == before
    assert (
        sorted(
            path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".adding")
        )
        == []
    )


def test_equal_labels_beside_other_images_are_doubted(tmp_path: Path) -> None:
    one, other = make_tub(tmp_path / "tub_1", 6), make_tub(tmp_path / "tub_2", 6, size=(16, 10))
    assert (
        "tub_1 and tub_2 have the same labels: are they copies of one recording?"
        in read(one, other).notes
    )


def test_another_camera_of_a_recording_is_no_other_drive(tmp_path: Path) -> None:
    log = make_udacity(tmp_path / "log", rows=40)
    build_dataset(read(log, form="udacity"), tmp_path / "out")
    with pytest.raises(
        UsageError, match=r"holds udacity recording log .* already, read with other options"
    ):
        add_to_dataset(read(log, form="udacity", cameras=("left",)), tmp_path / "out")


def test_sources_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    one, other = make_tub(tmp_path / "tub_1", 6), make_tub(tmp_path / "tub_2", 6, size=(20, 12))
    with pytest.raises(
        DataError,
        match=r"different sizes \(16x12 in .*tub_1/images.*; 20x12 in .*tub_2/images.*--image-size",
    ):
        build_dataset(read(one, other), tmp_path / "out")
    slow = make_tub(
        tmp_path / "slow", [{"_timestamp_ms": TUB_START_MS + 100 * index} for index in range(6)]
    )
    with pytest.raises(DataError, match=r"different rates \(tub_1 20 Hz, slow 10 Hz"):
        read(one, slow)
    assert not (tmp_path / "out").exists()


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(build_app(), ["ingest", *arguments])


def test_the_command_takes_several_sources_and_adds(tmp_path: Path) -> None:
    one, other = tubs(tmp_path)
    third = make_tub(tmp_path / "tub_3", 9)
    result = invoke("donkey", str(one), str(other), "--out", str(tmp_path / "out"), "--json")
    assert json.loads(result.stdout)["splits"] == {"train": {"episodes": 2, "frames": 14}}
    refused = invoke("donkey", str(third), "--out", str(tmp_path / "out"))
    assert isinstance(refused.exception, AuxdriveError)
    assert "or add to it with --add" in str(refused.exception)
    result = invoke("donkey", str(third), "--out", str(tmp_path / "out"), "--add", "--json")
    assert json.loads(result.stdout)["splits"] == {"train": {"episodes": 1, "frames": 9}}
    assert len(Dataset.open(tmp_path / "out")) == 3
