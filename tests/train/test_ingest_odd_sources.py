"""Ingest of every hostile tub that comes to mind: odd records are left out and counted, what cannot
be a data set is refused before anything is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auxdrive.errors import AuxdriveError, DataError
from auxdrive_train.ingest import READERS
from auxdrive_train.ingest.source import SourceOptions
from PIL import Image
from recordings import make_tub, run, write_manifest


def test_deleted_incomplete_and_odd_records_are_left_out_and_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{} for _ in range(12)]
    rows[2] = {"user/angle": math.nan}
    rows[3] = {"user/angle": 1.5}
    rows[4] = {"user/angle": "left"}
    rows[5] = {"user/throttle": ...}
    rows[7] = {"_index": 6}
    rows[11] = {"user/mode": "local"}
    tub = make_tub(tmp_path / "tub", rows, deleted=[1])
    (tub / "images" / "8_cam_image_array_.jpg").unlink()
    whole = (tub / "images" / "9_cam_image_array_.jpg").read_bytes()
    (tub / "images" / "9_cam_image_array_.jpg").write_bytes(whole[: len(whole) // 2])
    (tub / "images" / "10_cam_image_array_.jpg").write_bytes(b"")
    report, dataset = run(tub, tmp_path / "out")
    assert report.skipped == {
        "deleted in the tub": 1,
        "angle or throttle is no number": 2,
        "angle or throttle beyond [-1, 1]": 1,
        "without user/throttle": 1,
        "not driven by the user": 1,
        "index used again by a later record": 1,
        "image missing": 1,
        "image damaged": 2,
    }
    assert sum(len(dataset.episode(episode_id)) for episode_id in dataset.episode_ids) == 2


def test_a_line_that_was_cut_off_costs_one_record(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub")
    with (tub / "catalog_1.catalog").open("a") as file:
        file.write('{"_index": 6, "user/ang')
    report, _ = run(tub, tmp_path / "out")
    assert (report.frames, report.skipped) == ({"train": 6}, {"cut off while it was written": 1})


@pytest.mark.parametrize("odd", [True, -1, 1.5, "7"])
def test_source_indexes_that_are_none_are_not_used(tmp_path: Path, odd: Any) -> None:
    tub = make_tub(
        tmp_path / "tub",
        [{"source_index": 100 + index} for index in range(3)] + [{"source_index": odd}],
    )
    assert READERS["donkey"](tub, SourceOptions()).index_field == "_index"
    assert (
        READERS["donkey"](
            make_tub(tmp_path / "good", [{"source_index": 7}]), SourceOptions()
        ).index_field
        == "source_index"
    )


def mixed_sizes(tub: Path) -> None:
    Image.new("RGB", (99, 12)).save(tub / "images" / "3_cam_image_array_.jpg")


def all_images_damaged(tub: Path) -> None:
    for path in (tub / "images").iterdir():
        path.write_bytes(b"\xff\xd8\xff")


def no_images(tub: Path) -> None:
    for path in (tub / "images").iterdir():
        path.unlink()


def truncate_images(tub: Path) -> None:
    for path in (tub / "images").iterdir():
        path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda tub: [catalog.unlink() for catalog in tub.glob("*.catalog")],
            "no donkeycar tub of version 2",
        ),
        (lambda tub: [catalog.write_text("") for catalog in tub.glob("*.catalog")], "it is empty"),
        (lambda tub: write_manifest(tub, ["catalog_0.catalog"], list(range(6))), "6 deleted"),
        (
            lambda tub: (tub / "catalog_0.catalog").write_text('[1]\n{"a": 1}\n'),
            "2 of 5 lines are damaged",
        ),
        (mixed_sizes, "different sizes .*--image-size"),
        (all_images_damaged, "can be read"),
        (no_images, "6 image missing"),
        (truncate_images, "no record has a usable image"),
    ],
)
def test_hostile_tubs(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    tub = make_tub(tmp_path / "tub")
    damage(tub)
    with pytest.raises(DataError, match=message):
        run(tub, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.npy"))


def test_mixed_sizes_can_be_scaled(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub")
    mixed_sizes(tub)
    report, _ = run(tub, tmp_path / "out", image_size=(10, 8))
    assert report.frames == {"train": 6}


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    (tmp_path / "file").touch()
    run(tub, tmp_path / "out")
    for out, options, message in [
        (tmp_path / "full", SourceOptions(), "holds no data set"),
        (tmp_path / "file", SourceOptions(), "is a file"),
        (tmp_path / "out", SourceOptions(max_steer_deg=30), "another data set"),
        (
            tmp_path / "out",
            SourceOptions(fov_deg=90),
            "field of view unknown.*this one is: .*field of view 90 deg",
        ),
        (
            tmp_path / "out",
            SourceOptions(wheelbase_m=0.25),
            "wheelbase unknown.*this one is: .*wheelbase 0.25 m",
        ),
    ]:
        with pytest.raises(AuxdriveError, match=message):
            run(tub, out, options=options)
    (tub / "images" / "5_cam_image_array_.jpg").unlink()
    with pytest.raises(DataError, match="its images changed"):
        run(tub, tmp_path / "out")
