"""Recordings that are added to a data set later; what is there stays whole whatever happens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive_train.ingest import READERS, add
from auxdrive_train.ingest.add import add_to_dataset
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.source import SourceOptions
from auxdrive_train.ingest.splits import parse_splits
from auxdrive_train.ingest.writing import IngestReport
from recordings import TUB_START_MS, frames_of, make_tub, make_udacity, read, tub_row, tubs

THREE_DRIVES = [
    {"_timestamp_ms": TUB_START_MS + 50 * index + 9999 * (index // 4)} for index in range(12)
]


def test_what_is_added_later_is_as_if_it_had_been_there(tmp_path: Path) -> None:
    one, other = tubs(tmp_path)
    build_dataset(read(one, fov_deg=90), tmp_path / "out", derived=(Modality.EDGE,), licence="MIT")
    before = Dataset.open(tmp_path / "out").card
    report = add_to_dataset(read(other), tmp_path / "out", licence="CC0")
    dataset = Dataset.open(tmp_path / "out")
    assert report.frames == {"train": 8}
    assert frames_of(dataset) == {"train-0000": 6, "train-0001": 8}
    np.testing.assert_allclose(
        dataset.episode("train-0001").state["steer_rad"], np.radians(12.5), atol=1e-6
    )
    assert dataset.card.splits == {"train": ("train-0000", "train-0001")}
    assert {each: origin.session for each, origin in dataset.card.episodes.items()} == {
        "train-0000": "tub_1",
        "train-0001": "tub_2",
    }
    assert dataset.missing(Modality.EDGE) == ()
    assert (
        dataset.card.source
        == f"{before.source} + {READERS['donkey'](other, SourceOptions()).identity}"
    )
    assert (dataset.card.licence, dataset.card.camera) == ("MIT; CC0", before.camera)
    with pytest.raises(UsageError, match=r"holds donkey tub tub_2 .* already"):
        add_to_dataset(read(other), tmp_path / "out")
    assert add_to_dataset(
        read(make_tub(tmp_path / "x" / "tub_2", 7)), tmp_path / "out", parse_splits(["val=:"])
    ).frames == {"val": 7}
    assert Dataset.open(tmp_path / "out").origin("val-0000").session == "tub_2-2"


def test_a_recording_that_went_on_is_not_added_to_its_own_beginning(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 12)
    build_dataset(read(tub), tmp_path / "out")
    with (tub / "catalog_1.catalog").open("a") as file:
        file.writelines(
            json.dumps(tub_row(index, {"cam/image_array": "more.jpg"})) + "\n"
            for index in range(12, 20)
        )
    shutil.copy(tub / "images" / "0_cam_image_array_.jpg", tub / "images" / "more.jpg")
    before = Dataset.open(tmp_path / "out").fingerprint()
    with pytest.raises(
        UsageError,
        match=r"its episode train-0000 begins with the same .* as donkey tub tub .* went on since",
    ):
        add_to_dataset(read(tub), tmp_path / "out")
    assert Dataset.open(tmp_path / "out").fingerprint() == before
    assert not list((tmp_path / "out").glob(".adding-*"))
    tub.rename(tmp_path / "other")
    report = add_to_dataset(read(tmp_path / "other"), tmp_path / "out")
    assert "other begins with the same images and labels as tub: is it a copy?" in report.notes


@pytest.mark.parametrize(
    ("tub", "options", "told"),
    [
        ({"size": (20, 12)}, {}, "camera.width: 16 and 20"),
        ({}, {"max_steer_deg": 30}, "steering.max_road_wheel_deg: 25.0 and 30.0"),
        ({}, {"fov_deg": 100}, "camera.fov_deg: 90.0 and 100.0"),
        ({}, {"wheelbase_m": 0.3}, "vehicle.wheelbase_m: 0.25 and 0.3"),
        ({}, {"rate_hz": 10}, "rate_hz: 20 and 10"),
    ],
)
def test_what_differs_is_refused_by_name_and_leaves_the_data_set_alone(
    tmp_path: Path, tub: Any, options: Any, told: str
) -> None:
    one, other = make_tub(tmp_path / "tub_1"), make_tub(tmp_path / "tub_2", **tub)
    build_dataset(read(one, fov_deg=90, wheelbase_m=0.25), tmp_path / "out")
    before = Dataset.open(tmp_path / "out").fingerprint()
    with pytest.raises(DataError) as caught:
        add_to_dataset(read(other, **options), tmp_path / "out")
    assert told in str(caught.value)
    assert Dataset.open(tmp_path / "out").fingerprint() == before


def test_another_format_is_another_vehicle(tmp_path: Path) -> None:
    build_dataset(read(make_udacity(tmp_path / "log"), form="udacity"), tmp_path / "out")
    with pytest.raises(DataError, match=r"vehicle.name: udacity simulator and donkeycar"):
        add_to_dataset(read(make_tub(tmp_path / "tub", size=(16, 8))), tmp_path / "out")
    with pytest.raises(DataError, match="holds no data set that could be added to"):
        add_to_dataset(read(tmp_path / "tub"), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_data_set_that_is_not_finished_is_not_added_to(tmp_path: Path) -> None:
    def stop(steps: int, seen: list[int] = []) -> None:  # noqa: B006  # counts the calls
        seen.append(steps)
        if len(seen) == 7:
            raise Stopped

    with pytest.raises(Stopped):
        build_dataset(
            read(make_tub(tmp_path / "tub_1", THREE_DRIVES)), tmp_path / "out", progress=stop
        )
    with pytest.raises(
        DataError, match="no data set that ingest finished; give its own command again first"
    ):
        add_to_dataset(read(make_tub(tmp_path / "tub_2", 7)), tmp_path / "out")


class Stopped(BaseException):
    """What a kill is to the program: nothing handles it."""


@pytest.fixture
def expected(tmp_path: Path) -> Dataset:
    """Two tubs, the second added without a stop; `begun` is the first alone, to be added to."""
    one, other = make_tub(tmp_path / "tub_1"), make_tub(tmp_path / "tub_2", THREE_DRIVES)
    for out in ("whole", "begun"):
        build_dataset(read(one), tmp_path / out, derived=(Modality.EDGE,))
    add_to_dataset(read(other), tmp_path / "whole")
    return Dataset.open(tmp_path / "whole")


def add_again(tmp_path: Path) -> tuple[IngestReport, Dataset]:
    return add_to_dataset(read(tmp_path / "tub_2"), tmp_path / "begun"), Dataset.open(
        tmp_path / "begun"
    )


def test_an_addition_that_is_stopped_leaves_the_old_data_set_whole_and_goes_on(
    tmp_path: Path, expected: Dataset
) -> None:
    before = Dataset.open(tmp_path / "begun").fingerprint()

    def stop(steps: int, seen: list[int] = []) -> None:  # noqa: B006  # counts the calls
        seen.append(steps)
        if len(seen) == 7:
            raise Stopped

    with pytest.raises(Stopped):
        add_to_dataset(read(tmp_path / "tub_2"), tmp_path / "begun", progress=stop)
    assert Dataset.open(tmp_path / "begun").fingerprint() == before
    report, dataset = add_again(tmp_path)
    assert report.resumed == 1
    assert dataset.fingerprint() == expected.fingerprint()
    assert dataset.card == expected.card
    assert not list((tmp_path / "begun").glob(".adding-*"))


@pytest.mark.parametrize("moved", [0, 1, 3])
def test_an_addition_that_is_killed_while_it_is_put_in_place_goes_on(
    tmp_path: Path, expected: Dataset, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Dataset.open(tmp_path / "begun").card
    rename, renames = Path.rename, []

    def killed_at(self: Path, target: Path) -> Path:
        if ".adding-" in str(self) and ".partial-" not in self.name:
            renames.append(target)
            if len(renames) > moved:
                raise Stopped
        return rename(self, target)

    def killed_before_the_card(folder: Path) -> None:
        raise Stopped

    monkeypatch.setattr(Path, "rename", killed_at)
    monkeypatch.setattr(add, "fsync_directory", killed_before_the_card)
    with pytest.raises(Stopped):
        add_again(tmp_path)
    monkeypatch.undo()
    begun = Dataset.open(tmp_path / "begun")
    assert begun.card == card
    assert [
        len(EpisodeReader(begun.path / "episodes" / each)) for each in begun.split("train")
    ] == [6]
    report, dataset = add_again(tmp_path)
    assert report.resumed == 3
    assert report.frames == {"train": 12}
    assert dataset.fingerprint() == expected.fingerprint()
    assert dataset.card == expected.card


def test_two_additions_that_were_stopped_do_not_take_each_others_ids(tmp_path: Path) -> None:
    one, other = tubs(tmp_path)
    build_dataset(read(one), tmp_path / "out")
    third = make_tub(tmp_path / "tub_3", 9)

    def stop(steps: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        add_to_dataset(read(other), tmp_path / "out", progress=stop)
    report = add_to_dataset(read(third), tmp_path / "out")
    assert any(
        ".adding-" in note and "give its command again, or remove it" in note
        for note in report.notes
    )
    add_to_dataset(read(other), tmp_path / "out")
    assert frames_of(Dataset.open(tmp_path / "out")) == {
        "train-0000": 6,
        "train-0001": 9,
        "train-0002": 8,
    }
