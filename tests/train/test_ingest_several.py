"""Several recordings in one data set: read together, or added later; what is there stays whole
whatever happens.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import AuxdriveError, DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive_train.ingest import READERS, add
from auxdrive_train.ingest.add import add_to_dataset
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.join import join_sources
from auxdrive_train.ingest.source import Source, SourceOptions
from auxdrive_train.ingest.splits import parse_splits
from auxdrive_train.ingest.writing import IngestReport
from recordings import TUB_START_MS, make_tub, make_udacity, tub_row
from typer.testing import CliRunner

THREE_DRIVES = [
    {"_timestamp_ms": TUB_START_MS + 50 * index + 9999 * (index // 4)} for index in range(12)
]


def read(*folders: Path, form: str = "donkey", **options: Any) -> Source:
    return join_sources([READERS[form](folder, SourceOptions(**options)) for folder in folders])


def tubs(tmp_path: Path) -> tuple[Path, Path]:
    return make_tub(tmp_path / "tub_1", 6), make_tub(tmp_path / "tub_2", [{"user/angle": -0.5}] * 8)


def frames_of(dataset: Dataset) -> dict[str, int]:
    return {each: len(dataset.episode(each)) for each in dataset.episode_ids}


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
