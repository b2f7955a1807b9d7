"""What a tub holds beside images, angle and throttle."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive_train.ingest import READERS
from auxdrive_train.ingest.add import add_to_dataset
from auxdrive_train.ingest.build import build_dataset
from auxdrive_train.ingest.join import join_sources
from auxdrive_train.ingest.source import Source, SourceOptions
from PIL import Image
from recordings import make_tub, note_with, run


def test_the_odometers_speed_is_kept(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"enc/speed": value} for value in (1.5, -0.25, 2, "fast", None, ..., 1e9, math.nan)
    ]
    report, dataset = run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    np.testing.assert_array_equal(
        dataset.episode("train-0000").state["speed_mps"],
        np.float32([1.5, -0.25, 2] + [math.nan] * 5),
    )
    assert "metres per second; 5 of 8 records have none" in note_with(report, "enc/speed")


def depth_tub(
    folder: Path, frames: list[np.ndarray[Any, Any] | bytes | None], names: list[Any] | None = None
) -> Path:
    """A tub with a depth image per record: values, or the bytes of the file, or none."""
    names = names or [f"{index}_cam_depth_array_.png" for index in range(len(frames))]
    tub = make_tub(folder, [{"cam/depth_array": name} for name in names])
    for name, frame in zip(names, frames, strict=True):
        if isinstance(frame, bytes):
            (tub / "images" / name).write_bytes(frame)
        elif frame is not None:
            Image.fromarray(frame).save(tub / "images" / name)
    return tub


def millimetres(value: int, size: tuple[int, int] = (16, 12)) -> np.ndarray[Any, Any]:
    return np.full((size[1], size[0]), value, dtype=np.uint16)


def test_depth_is_a_modality_in_its_unit(tmp_path: Path) -> None:
    values = millimetres(0)
    values[0, :6] = [0, 3, 14, 15, 1234, 65535]
    report, dataset = run(depth_tub(tmp_path / "tub", [values] * 4), tmp_path / "out")
    assert dataset.card.modalities == (Modality.RGB, Modality.DEPTH)
    depth = dataset.episode("train-0000").frames(Modality.DEPTH)
    assert depth.shape == (4, 12, 16)
    # Centimetres; nothing stays nothing, and what was measured stays something.
    np.testing.assert_array_equal(depth[:, 0, :7], [[0, 1, 1, 2, 123, 6554, 0]] * 4)
    assert "taken as millimetres" in note_with(report, "cam/depth_array")


def test_depth_is_scaled_by_nearest_neighbours(tmp_path: Path) -> None:
    # 32x24, twice the camera's
    values = np.repeat(np.repeat(np.array([[100, 0], [3000, 500]], np.uint16), 12, 0), 16, 1)
    _, dataset = run(depth_tub(tmp_path / "tub", [values] * 3), tmp_path / "out", image_size=(4, 4))
    depth = dataset.episode("train-0000").frames(Modality.DEPTH)
    np.testing.assert_array_equal(depth[0], np.repeat(np.repeat([[10, 0], [300, 50]], 2, 0), 2, 1))


def test_records_without_depth_are_left_out_where_most_have_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 60_000, (12, 16), dtype=np.uint16)
    frames: list[Any] = [noise] * 38 + [None, b"no image"]
    whole = depth_tub(tmp_path / "tub", frames)
    damaged = whole / "images" / "0_cam_depth_array_.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    report, dataset = run(whole, tmp_path / "out")
    assert report.skipped == {
        "depth image missing or not of 16 bits": 2,
        "depth image damaged": 1,
    }
    assert len(dataset.episode("train-0000").frames(Modality.DEPTH)) == 37


@pytest.mark.parametrize(
    ("frames", "names", "why"),
    [
        (
            [None] * 4,
            None,
            "4 of 4 records have no usable image of it, the first: .*no such file",
        ),
        ([millimetres(5), None, None, None], None, "3 of 4 records have no usable image"),
        ([np.zeros((12, 16), np.uint8)] * 4, None, "mode L, not of 16 bits"),
        (
            [millimetres(5)] + [None] * 3,
            ["0.png", None, 7, "../0.png"],
            "3 of 4 .*no image named",
        ),
        (
            [millimetres(5, (32, 12))] * 4,
            None,
            "32x12, the camera's 16x12, so they do not show the same view",
        ),
        ([millimetres(5), millimetres(5, (32, 24))] * 2, None, "different sizes"),
    ],
)
def test_depth_that_cannot_be_used_is_not_read_and_it_is_said(
    tmp_path: Path, frames: Any, names: Any, why: str
) -> None:
    report, dataset = run(depth_tub(tmp_path / "tub", frames, names), tmp_path / "out")
    assert (dataset.card.modalities, report.frames, report.skipped) == (
        (Modality.RGB,),
        {"train": 4},
        {},
    )
    assert re.search(f"cam/depth_array is not read: .*{why}", note_with(report, "cam/depth_array"))


def test_depth_in_some_recordings_alone_is_refused_and_can_be_left_out(tmp_path: Path) -> None:
    deep, flat = (
        depth_tub(tmp_path / "deep", [millimetres(100)] * 4),
        make_tub(tmp_path / "flat", [{"user/angle": 0}] * 4),
    )

    def both(**options: bool) -> Source:
        return join_sources(
            [READERS["donkey"](tub, SourceOptions(**options)) for tub in (deep, flat)]
        )

    with pytest.raises(
        DataError, match="depth is in deep alone: leave it out of all with --no-depth"
    ):
        both()
    report = build_dataset(both(depth=False), tmp_path / "out")
    assert Dataset.open(tmp_path / "out").card.modalities == (Modality.RGB,)
    assert "deep: not read: cam/depth_array (4 records)" in report.notes
    run(flat, tmp_path / "flat_data")
    run(deep, tmp_path / "deep_data", derived=(Modality.EDGE,))
    with pytest.raises(
        DataError, match=r"modalities: rgb and rgb, depth \(--no-depth leaves depth out\)"
    ):
        add_to_dataset(READERS["donkey"](deep, SourceOptions()), tmp_path / "flat_data")
    with pytest.raises(DataError, match=r"modalities: rgb, depth and rgb\n"):
        add_to_dataset(READERS["donkey"](flat, SourceOptions()), tmp_path / "deep_data")
    add_to_dataset(READERS["donkey"](deep, SourceOptions(depth=False)), tmp_path / "flat_data")


def test_the_older_name_of_the_angle_is_read(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"user/angle": ..., "user/steering": 0.5},
        {"user/steering": -1},
        {"user/angle": 0.25},
    ]
    report, dataset = run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    np.testing.assert_allclose(
        dataset.episode("train-0000").state["steer_rad"],
        np.radians([-12.5, -2.5, -6.25]),
        atol=1e-6,
    )
    assert report.skipped == {}


def test_what_is_not_read_is_named_with_counts(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"imu/acl_x": 0.1, "pilot/angle": 0.2},
        {"lidar/dist_array": [1, 2]},
        {"imu/acl_x": 0.1},
    ]
    report, _ = run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    note = note_with(report, "not read")
    assert (
        note
        == "not read: imu/acl_x (2 records), lidar/dist_array (1 records), pilot/angle (1 records)"
    )


def test_the_keys_that_are_missing_are_named(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"user/angle": ..., "cam/image_array": ...},
        {"user/throttle": ...},
    ]
    with pytest.raises(DataError) as caught:
        run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    assert "1 without cam/image_array, user/angle or user/steering" in str(caught.value)
    assert "1 without user/throttle" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["meta.json", "record_1.json"], "is a donkeycar tub of version 1; convert it"),
        (
            ["tub_1/catalog_0.catalog", "tub_2/catalog_0.catalog", "models/a"],
            "Its folders tub_1, tub_2 hold catalogs: name them",
        ),
        (["notes.txt"], "no donkeycar tub of version 2"),
    ],
)
def test_folders_that_are_no_tub_say_what_they_are(
    tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        (tmp_path / "tub" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tub" / name).touch()
    with pytest.raises(DataError, match=message):
        READERS["donkey"](tmp_path / "tub", SourceOptions())


def test_odd_names_of_folders_and_sessions_can_stand_in_a_card(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub \udcff", [{"_session_id": "a/b\n\ud800" * 50}] * 3)
    _, dataset = run(tub, tmp_path / "out")
    assert dataset.card.name == "tub \\udcff"
    (session,) = {record.session for record in READERS["donkey"](tub, SourceOptions()).records}
    assert session.isascii()
    assert len(session) < 80
