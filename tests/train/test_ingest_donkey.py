"""What a tub holds beside pictures, angle and throttle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive_train.ingest import FORMATS
from auxdrive_train.ingest.source import SourceOptions
from recordings import make_tub, note_with, run


def test_the_odometers_speed_is_kept(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"enc/speed": value} for value in (1.5, -0.25, 2, "fast", None, ..., 1e9, math.nan)]
    report, dataset = run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    np.testing.assert_array_equal(dataset.episode("train-0000").state["speed_mps"], np.float32([1.5, -0.25, 2] + [math.nan] * 5))
    assert "metres per second; 5 of 8 records have none" in note_with(report, "enc/speed")


def test_the_older_name_of_the_angle_is_read(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"user/angle": ..., "user/steering": 0.5}, {"user/steering": -1}, {"user/angle": 0.25}]
    report, dataset = run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    np.testing.assert_allclose(dataset.episode("train-0000").state["steer_rad"], np.radians([-12.5, -2.5, -6.25]), atol=1e-6)
    assert report.skipped == {}


def test_what_is_not_read_is_named_with_counts(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"imu/acl_x": 0.1, "pilot/angle": 0.2}, {"lidar/dist_array": [1, 2]}, {"imu/acl_x": 0.1}]
    report, _ = run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    note = note_with(report, "not read")
    assert note == "not read: imu/acl_x (2 records), lidar/dist_array (1 records), pilot/angle (1 records)"


def test_the_keys_that_are_missing_are_named(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"user/angle": ..., "cam/image_array": ...}, {"user/throttle": ...}]
    with pytest.raises(DataError) as caught:
        run(make_tub(tmp_path / "tub", rows), tmp_path / "out")
    assert "1 without cam/image_array, user/angle or user/steering" in str(caught.value)
    assert "1 without user/throttle" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["meta.json", "record_1.json"], "is a donkeycar tub of version 1; convert it"),
        (["tub_1/catalog_0.catalog", "tub_2/catalog_0.catalog", "models/a"], "Its folders tub_1, tub_2 hold catalogs: name them"),
        (["notes.txt"], "no donkeycar tub of version 2"),
    ],
)
def test_folders_that_are_no_tub_say_what_they_are(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / "tub" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tub" / name).touch()
    with pytest.raises(DataError, match=message):
        FORMATS["donkey"](tmp_path / "tub", SourceOptions())


def test_odd_names_of_folders_and_sessions_can_stand_in_a_card(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub \udcff", [{"_session_id": "a/b\n\ud800" * 50}] * 3)
    _, dataset = run(tub, tmp_path / "out")
    assert dataset.card.name == "tub \\udcff"
    (session,) = {record.session for record in FORMATS["donkey"](tub, SourceOptions()).records}
    assert session.isascii()
    assert len(session) < 80
