"""Recordings that a power cut, a full disk or an editor has damaged: what was good is kept, what
was lost is counted.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive_train.ingest import READERS
from auxdrive_train.ingest.lines import DAMAGED
from auxdrive_train.ingest.source import SourceOptions
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from recordings import make_tub, make_udacity, note_with, run, tub_row, udacity_row, write_manifest

DAMAGED_LINES: dict[str, bytes] = {
    "torn": b'{"_index": 99, "user/ang',
    "torn and gone on": b'{"_index": 99, "user/ang' + json.dumps(tub_row(99)).encode(),
    "NUL bytes": bytes(400),
    "NUL bytes inside": b'{"_index": 99, \0\0\0}',
    "not UTF-8": b'{"_index": 99, "user/mode": "\xff\xfe"}',
    "a scalar": b"7",
    "a list": b"[1, 2]",
    "null": b"null",
    "too deep": b"[" * 100_000,
    "no index": b'{"user/angle": 0.1}',
    "an index that is none": b'{"_index": "7"}',
    "an index of a half": b'{"_index": 1.5}',
    "no image's name": json.dumps(tub_row(99, {"cam/image_array": None})).encode(),
    "a number for a name": json.dumps(tub_row(99, {"cam/image_array": 7})).encode(),
    "a name that leads out": json.dumps(
        tub_row(99, {"cam/image_array": "../../secret.jpg"})
    ).encode(),
    "an absolute name": json.dumps(tub_row(99, {"cam/image_array": "/etc/passwd"})).encode(),
    "a name that is none to the disk": json.dumps(
        tub_row(99, {"cam/image_array": "\ud800.jpg"})
    ).encode(),
    "a name too long": json.dumps(tub_row(99, {"cam/image_array": "a" * 300})).encode(),
}


@pytest.mark.parametrize("place", [0, 3, 6], ids=["first", "middle", "last"])
@pytest.mark.parametrize("line", DAMAGED_LINES.values(), ids=DAMAGED_LINES)
def test_a_damaged_line_costs_no_more_than_itself(tmp_path: Path, line: bytes, place: int) -> None:
    tub = make_tub(tmp_path / "tub", 12)
    catalog = tub / "catalog_1.catalog"
    lines = catalog.read_bytes().splitlines()
    catalog.write_bytes(b"\n".join([*lines[:place], line, *lines[place:]]) + b"\n")
    report, dataset = run(tub, tmp_path / "out")
    assert (report.frames, report.skipped) == ({"train": 12}, {DAMAGED: 1})
    assert f"catalog_1.catalog, line {place + 1}: " in note_with(report, "damaged: ")
    assert len(dataset.episode("train-0000")) == 12


def test_a_record_behind_nul_bytes_is_read(tmp_path: Path) -> None:
    """The end of a file that was lost with the power is NUL bytes, and what was recorded afterwards
    goes on in that line.
    """
    tub = make_tub(tmp_path / "tub", 12)
    catalog = tub / "catalog_1.catalog"
    catalog.write_bytes(bytes(400) + catalog.read_bytes())
    report, _ = run(tub, tmp_path / "out")
    assert (report.frames, report.skipped) == ({"train": 12}, {})


def test_a_link_that_leads_out_is_left_out(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub")
    path = tub / "images" / "0_cam_image_array_.jpg"
    path.rename(tmp_path / "secret.jpg")
    path.symlink_to(tmp_path / "secret.jpg")
    report, _ = run(tub, tmp_path / "out")
    assert (report.frames, report.skipped) == ({"train": 5}, {DAMAGED: 1})


def test_whole_numbers_may_be_written_as_floats(tmp_path: Path) -> None:
    tub = make_tub(
        tmp_path / "tub",
        [{"_index": float(index), "source_index": 10.0 * index} for index in range(6)],
        deleted=[2],
    )
    source = READERS["donkey"](tub, SourceOptions())
    assert source.index_field == "source_index"
    assert [record.index for record in source.records] == [0, 10, 30, 40, 50]


def test_too_much_damage_is_refused_and_all_of_it_listed(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 20)
    catalog = tub / "catalog_1.catalog"
    lines = catalog.read_text().splitlines()
    for place in (0, 1, 2, 5):
        lines[place] = "7"
    catalog.write_text("\n".join(lines) + "\n")
    assert run(tub, tmp_path / "out")[0].skipped == {DAMAGED: 4}  # a fifth
    lines[8] = "{"
    catalog.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        run(tub, tmp_path / "other")
    assert "5 of 20 lines are damaged; more than 20% are refused" in str(caught.value)
    assert f"{catalog}, lines 1-3, 6: not a JSON object" in str(caught.value)
    assert f"{catalog}, line 9: not JSON" in str(caught.value)
    assert not (tmp_path / "other").exists()


@given(st.binary(max_size=300))
def test_no_bytes_of_a_catalog_raise_anything_but_our_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("tub")
    whole = json.dumps(tub_row(0)).encode() + b"\n"
    (folder / "catalog_0.catalog").write_bytes(whole * 20 + data + b"\n" + whole)
    try:
        source = READERS["donkey"](folder, SourceOptions())
    except DataError as error:
        assert "lines are damaged" in str(error)  # noqa: PT017  # some bytes are one line too many
    else:
        assert [record.index for record in source.records] == [0]


@pytest.mark.parametrize(
    ("damage", "note"),
    [
        (
            lambda tub: (tub / "manifest.json").unlink(),
            "manifest.json: no such file; the catalogs are found by their names",
        ),
        (lambda tub: (tub / "manifest.json").write_bytes(bytes(700)), "manifest.json: damaged"),
        (lambda tub: (tub / "manifest.json").write_bytes(b""), "manifest.json: damaged"),
        (lambda tub: (tub / "manifest.json").write_text("[]\n" * 5), "manifest.json: damaged"),
        (
            lambda tub: (tub / "manifest.json").write_text("[]\n", encoding="utf-16"),
            "manifest.json: is UTF-16 text",
        ),
        (
            lambda tub: write_manifest(
                tub, ["catalog_0.catalog", "catalog_1.catalog"], [True, "x", -1]
            ),
            "3 of `deleted_indexes`",
        ),
        (
            lambda tub: write_manifest(
                tub, ["catalog_0.catalog", "catalog_1.catalog", "catalog_9.catalog"], []
            ),
            "'catalog_9.catalog'",
        ),
        (
            lambda tub: write_manifest(tub, ["../tub/catalog_0.catalog", "catalog_1.catalog"], []),
            "'../tub/catalog_0.catalog'",
        ),
    ],
)
def test_a_lost_or_damaged_manifest_costs_nothing_that_the_catalogs_hold(
    tmp_path: Path, damage: Any, note: str
) -> None:
    tub = make_tub(tmp_path / "tub")
    damage(tub)
    report, _ = run(tub, tmp_path / "out")
    assert report.frames == {"train": 6}
    assert any(note in each for each in report.notes), report.notes


def test_catalogs_that_the_manifest_does_not_list_are_read_and_named(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 30, deleted=[3, 20])
    write_manifest(tub, ["catalog_0.catalog"], [3, 20])
    report, dataset = run(tub, tmp_path / "out")
    assert (report.frames, report.skipped) == ({"train": 28}, {"deleted in the tub": 2})
    assert "catalog_1.catalog: the manifest does not list it; its 15 records" in note_with(
        report, "not list"
    )
    np.testing.assert_allclose(
        np.diff(dataset.episode("train-0000").state["time_s"]).max(), 0.1, rtol=1e-5
    )  # in order, but for the deleted


def red(tub: Path, indexes: range) -> None:
    for index in indexes:
        Image.new("RGB", (16, 12), (250, 0, 0)).save(
            tub / "images" / f"{index}_cam_image_array_.jpg"
        )


def second_session(index: int) -> dict[str, Any]:
    return tub_row(
        index,
        {
            "_session_id": "26-01-01_1",
            "_timestamp_ms": tub_row(index)["_timestamp_ms"] + 100_000,
            "user/angle": -0.9,
        },
    )


def test_the_later_record_of_an_index_is_the_one_whose_image_stands_there(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [{"_session_id": "26-01-01_0", "user/angle": 0.5}] * 20)
    with (tub / "catalog_1.catalog").open("a") as file:
        file.writelines(json.dumps(second_session(index)) + "\n" for index in range(10, 20))
    red(tub, range(10, 20))
    report, dataset = run(tub, tmp_path / "out")
    assert (report.frames, report.skipped) == (
        {"train": 20},
        {"index used again by a later record": 10},
    )
    assert [len(dataset.episode(each)) for each in dataset.episode_ids] == [10, 10]
    for each, degrees, is_red in zip(
        dataset.episode_ids, (-12.5, 22.5), (False, True), strict=True
    ):
        episode = dataset.episode(each)
        np.testing.assert_allclose(episode.state["steer_rad"], math.radians(degrees), atol=1e-6)
        assert (episode.frames(Modality.RGB)[..., 1].max() < 60) == is_red


@pytest.mark.parametrize(
    ("torn", "lost"), [([12], [12]), ([10, 11], [10, 11]), ([18, 19], [18, 19])]
)
def test_an_image_whose_later_record_is_damaged_does_not_keep_the_earlier_label(
    tmp_path: Path, torn: list[int], lost: list[int]
) -> None:
    tub = make_tub(tmp_path / "tub", [{"user/angle": 0.5}] * 20)
    with (tub / "catalog_1.catalog").open("a") as file:
        file.writelines(
            ('{"_index": 1' if index in torn else json.dumps(second_session(index))) + "\n"
            for index in range(10, 20)
        )
    source = READERS["donkey"](tub, SourceOptions())
    assert [record.index for record in source.records] == [
        index for index in range(20) if index not in lost
    ]
    assert {record.steer for record in source.records if record.index >= 10} == {-0.9}
    assert source.skipped["index used twice, and the later record is damaged"] == len(lost)


def test_udacity_lines_that_are_damaged_cost_no_more_than_themselves(tmp_path: Path) -> None:
    whole = [udacity_row(index) for index in range(20)]
    lines = [*whole[:8], whole[8][:70] + whole[9], *whole[10:15], "\0" * 50, *whole[15:]]
    report, dataset = run(
        make_udacity(tmp_path / "log", header=False, lines=lines, rows=20),
        tmp_path / "out",
        "udacity",
    )
    assert (report.frames, report.skipped) == ({"train": 18}, {DAMAGED: 2})
    assert "driving_log.csv, line 9: not the 7 columns" in note_with(report, "line 9")
    assert "driving_log.csv, line 15: NUL bytes" in note_with(report, "line 15")
    assert len(dataset.episode("train-0000")) == 18
    with pytest.raises(
        DataError,
        match=r"5 of 10 lines are damaged(.|\n)*driving_log.csv, lines 6-10: not the 7 columns",
    ):
        run(
            make_udacity(tmp_path / "worse", header=False, lines=[*whole[:5], *["x,y"] * 5]),
            tmp_path / "other",
            "udacity",
        )


@given(st.binary(max_size=300))
def test_no_bytes_of_a_log_raise_anything_but_our_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("log")
    (folder / "driving_log.csv").write_bytes(
        (udacity_row(0) + "\n").encode() + data + b"\n" + (udacity_row(1) + "\n").encode() * 20
    )
    try:
        source = READERS["udacity"](folder, SourceOptions())
    except DataError:
        return
    assert {record.image.name[:25] for record in source.records} >= {"center_2023_03_23_00_39_0"}


def test_rows_without_side_images_are_left_out_of_the_side_alone(tmp_path: Path) -> None:
    lines = [udacity_row(index) for index in range(20)]
    for index in (5, 6):
        cells = lines[index].split(",")
        lines[index] = ",".join([cells[0], " ", " ", *cells[3:]])
    log = make_udacity(tmp_path / "log", header=False, lines=lines, rows=20)
    options = SourceOptions(cameras=("center", "left", "right"))
    report, _ = run(log, tmp_path / "out", "udacity", options)
    assert report.frames == {"train": 20 + 18 + 18}
    assert report.skipped == {
        f"no image of the {side} camera is named": 2 for side in ("left", "right")
    }
    assert run(log, tmp_path / "center", "udacity")[0].skipped == {}
