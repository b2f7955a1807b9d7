"""Columns of Udacity's logs by name, rows in the order of time, and what a spreadsheet or another
language makes of a log.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive_train.ingest import READERS
from auxdrive_train.ingest.build import IngestReport
from auxdrive_train.ingest.lines import DAMAGED
from auxdrive_train.ingest.source import Source, SourceOptions
from auxdrive_train.ingest.splits import parse_splits
from hypothesis import given
from hypothesis import strategies as st
from recordings import (
    UDACITY_HEADER,
    make_tub,
    make_udacity,
    note_with,
    run,
    udacity_names,
    udacity_row,
)

COLUMNS = UDACITY_HEADER.split(",")


def under_header(folder: Path, header: list[str], rows: int = 5) -> Path:
    """A log whose rows stand in the order of that header."""
    lines = [",".join(header)]
    for index in range(rows):
        center, left, right = udacity_names(index)
        cells = {
            "center": center,
            "left": left,
            "right": right,
            "steering": "0.5",
            "throttle": "0.9",
            "speed": "10",
        }
        cells |= {"brake": "0.1", "reverse": "0.1", "lap": "3", "": str(index)}
        lines.append(", ".join(cells[name.strip().lower()] for name in header))
    return make_udacity(folder, header=False, lines=lines)


@given(st.permutations(COLUMNS))
def test_columns_are_read_by_the_names_that_the_header_gives(
    tmp_path_factory: pytest.TempPathFactory, header: list[str]
) -> None:
    records = READERS["udacity"](
        under_header(tmp_path_factory.mktemp("any") / "log", header), SourceOptions()
    ).records
    assert [record.index for record in records] == [0, 1, 2, 3, 4]
    for record in records:
        assert (record.steer, record.throttle, record.brake) == (0.5, 0.9, 0.1)
        assert record.speed_mps == pytest.approx(4.4704)
        assert record.image.name.startswith("center")


@pytest.mark.parametrize(
    "header",
    [
        [name.upper() for name in COLUMNS],
        [f"  {name} " for name in COLUMNS],
        [*COLUMNS[:5], "reverse", "speed"],
        ["", *COLUMNS],
        [*COLUMNS, "lap"],
        ["center", *COLUMNS[3:]],
    ],
    ids=["capitals", "spaces", "reverse", "an index", "another column", "no side cameras"],
)
def test_headers_that_name_what_is_needed(tmp_path: Path, header: list[str]) -> None:
    report, dataset = run(under_header(tmp_path / "log", header), tmp_path / "out", "udacity")
    assert (report.frames, report.skipped) == ({"train": 5}, {})
    np.testing.assert_allclose(
        dataset.episode("train-0000").state["steer_rad"], -math.radians(12.5), atol=1e-6
    )
    assert any("not read: lap" in note for note in report.notes) == ("lap" in header)


@pytest.mark.parametrize(
    "header",
    [
        [
            "Center Image",
            "Left Image",
            "Right Image",
            "Steering Angle",
            "Throttle",
            "Break",
            "Speed",
        ],
        ["0", "1", "2", "3", "4", "5", "6"],
        [*COLUMNS[:6], "steering"],
        COLUMNS[:6],
    ],
)
def test_an_unknown_header_is_refused_with_both_lists(tmp_path: Path, header: list[str]) -> None:
    log = make_udacity(
        tmp_path / "log",
        header=False,
        lines=[",".join(header), *(udacity_row(index) for index in range(5))],
    )
    for place in (0, 3):  # also where a second log was joined to the first
        with pytest.raises(DataError) as caught:
            run(log, tmp_path / "out", "udacity")
        assert (
            f"line {place + 1}: the header names the columns {', '.join(header)}; needed are "
            "center, steering," in str(caught.value)
        )
        if header[0].isdigit():
            # numbers are a header in the first line alone; elsewhere they are a row that lacks its
            # images
            return
        lines = (log / "driving_log.csv").read_text().splitlines()
        (log / "driving_log.csv").write_text("\n".join([*lines[1:4], lines[0], *lines[4:]]) + "\n")


def test_whole_numbers_glued_together_are_damage_and_no_decimal_commas(tmp_path: Path) -> None:
    whole = [udacity_row(index).replace("0.5, 0.9, 0.1, 10", "0, 1, 0, 3") for index in range(12)]
    lines = [*whole[:5], whole[5] + whole[6], *whole[7:]]
    source = READERS["udacity"](
        make_udacity(tmp_path / "log", False, rows=12, lines=lines), SourceOptions()
    )
    assert (len(source.records), source.skipped) == (10, {DAMAGED: 1})


def test_a_header_does_not_shift_the_rows_that_splits_speak_of(tmp_path: Path) -> None:
    splits = parse_splits(["train=:3", "val=3:"])
    for header in (True, False):
        report, _ = run(
            make_udacity(tmp_path / f"log{header}", header),
            tmp_path / f"out{header}",
            "udacity",
            splits=splits,
        )
        assert report.frames == {"train": 3, "val": 2}


def test_joined_logs_are_sessions_and_may_have_columns_of_their_own(tmp_path: Path) -> None:
    other = ",".join([*COLUMNS[3:], *COLUMNS[:3]])
    rows = [
        ",".join([*row.split(",")[3:], *row.split(",")[:3]])
        for row in (udacity_row(index) for index in range(100, 105))
    ]
    lines = [UDACITY_HEADER, *(udacity_row(index) for index in range(5)), other, *rows]
    log = make_udacity(tmp_path / "log", header=False, lines=lines, rows=105)
    source = READERS["udacity"](log, SourceOptions())
    assert [(record.index, record.session, record.steer) for record in source.records] == [
        (index, f"log/{index // 5}", 0.5) for index in range(10)
    ]
    report, dataset = run(log, tmp_path / "out", "udacity")
    assert report.skipped == {}
    assert "2 logs were joined" in note_with(report, "joined")
    assert [len(dataset.episode(each)) for each in dataset.episode_ids] == [5, 5]


def times_of(source: Source) -> list[float]:
    return [round(record.time_s - source.records[0].time_s, 3) for record in source.records]


@given(st.integers(0, 2**32), st.integers(10, 60))
def test_rows_out_of_order_are_sorted_by_their_images_times(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int
) -> None:
    lines = [udacity_row(index, steering=f"{index / 100}") for index in range(rows)]
    random.Random(seed).shuffle(lines)
    source = READERS["udacity"](make_log(tmp_path_factory, lines), SourceOptions())
    assert times_of(source) == [index / 10 for index in range(rows)]
    assert [(record.index, record.steer) for record in source.records] == [
        (index, index / 100) for index in range(rows)
    ]


def make_log(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("log")
    (folder / "driving_log.csv").write_text("\n".join(lines) + "\n")
    return folder


def shuffled(tmp_path: Path, lines: list[str]) -> tuple[IngestReport, list[int]]:
    report, dataset = run(
        make_udacity(tmp_path / "log", False, lines=lines, rows=130), tmp_path / "out", "udacity"
    )
    return report, [len(dataset.episode(each)) for each in dataset.episode_ids]


def test_shuffled_rows_become_one_drive_again_and_it_is_said(tmp_path: Path) -> None:
    lines = [udacity_row(index) for index in range(60)]
    random.Random(1).shuffle(lines)
    report, lengths = shuffled(tmp_path, lines)
    assert lengths == [60]
    assert "were sorted and numbered by their times" in note_with(report, "went back")


@pytest.mark.parametrize("form", ["donkey", "udacity"])
def test_labels_of_another_unit_are_refused_where_a_few_look_like_shares(
    tmp_path: Path, form: str
) -> None:
    degrees = [0.3 * index for index in range(12)]
    if form == "udacity":
        folder = make_udacity(
            tmp_path / "log",
            rows=12,
            lines=[udacity_row(at, steering=f"{each}") for at, each in enumerate(degrees)],
        )
    else:
        folder = make_tub(tmp_path / "tub", [{"user/angle": each} for each in degrees])
    with pytest.raises(
        DataError, match=r"8 of 12 records have .* beyond \[-1, 1\]: in degrees.*--max-steer"
    ):
        run(folder, tmp_path / "out", form)


def test_pedals_in_another_unit_are_no_full_pedals(tmp_path: Path) -> None:
    rows = [
        udacity_row(index).replace("0.9, 0.1", "90, 0.1" if index in (3, 4) else "0.5, 0")
        for index in range(8)
    ]
    report, dataset = run(
        make_udacity(tmp_path / "log", rows=8, lines=rows), tmp_path / "out", "udacity"
    )
    assert report.skipped == {"throttle or brake beyond [-1, 1]": 2}
    assert set(dataset.episode("train-0000").state["throttle"].tolist()) == {0.5}
    rows = [
        udacity_row(index).replace("0.9, 0.1", "90, 0.1") if index else udacity_row(index)
        for index in range(8)
    ]
    with pytest.raises(
        DataError,
        match=r"7 of 8 records have steering or pedals beyond \[-1, 1\]: in degrees, per cent",
    ):
        run(make_udacity(tmp_path / "percent", rows=8, lines=rows), tmp_path / "other", "udacity")


def test_two_swapped_rows_are_sorted(tmp_path: Path) -> None:
    lines = [udacity_row(index) for index in range(60)]
    lines[30], lines[31] = lines[31], lines[30]
    assert shuffled(tmp_path, lines)[1] == [60]


def test_drives_that_were_recorded_at_the_same_time_are_not_mixed(tmp_path: Path) -> None:
    """Two machines' logs in one: sorting would make one drive of two."""
    lines = [udacity_row(index) for index in (*range(0, 120, 2), *range(1, 120, 2))]
    assert shuffled(tmp_path, lines)[1] == [60, 60]


def test_joined_logs_are_sorted_each_for_itself(tmp_path: Path) -> None:
    late, early = (
        [udacity_row(index) for index in range(60, 80)],
        [udacity_row(index) for index in range(20)],
    )
    random.Random(1).shuffle(early)
    _, lengths = shuffled(tmp_path, [UDACITY_HEADER, *late, UDACITY_HEADER, *early])
    assert lengths == [20, 20]
    source = READERS["udacity"](tmp_path / "log", SourceOptions())
    assert [record.session for record in source.records] == ["log/0"] * 20 + ["log/1"] * 20
    assert [record.index for record in source.records] == list(range(40))


def test_an_image_that_two_rows_name_has_the_later_label(tmp_path: Path) -> None:
    lines = [udacity_row(index, steering="0.1") for index in range(5)] + [
        udacity_row(3, steering="0.9")
    ]
    source = READERS["udacity"](make_udacity(tmp_path / "log", False, lines=lines), SourceOptions())
    assert [record.steer for record in source.records] == [0.1, 0.1, 0.1, 0.9, 0.1]
    assert source.skipped == {"image named again by a later row": 1}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "a.jpg, b.jpg, c.jpg, 0,25, 0,5, 0, 10,25",
            "line 1: 10 columns instead of 7, for its numbers have decimal commas",
        ),
        (
            "a.jpg,b.jpg,c.jpg,-0,2,1,0,1,049044E-05",
            "line 1: 9 columns instead of 7, for its numbers have decimal commas",
        ),
        ('a.jpg,b.jpg,c.jpg,"0,25","0,5",0,"10,25"', "line 1: its numbers have decimal commas"),
        (
            "a.jpg;b.jpg;c.jpg;0.25;0.5;0;10",
            "between commas; a spreadsheet has put semicolons there",
        ),
        (
            "a.jpg\tb.jpg\tc.jpg\t0.25\t0.5\t0\t10",
            "between commas; a spreadsheet has put tabs there",
        ),
        (
            "7,a.jpg,b.jpg,c.jpg,0.25,0.5,0,10",
            "not the 7 columns center, left, right, steering, throttle, brake, speed, but 8",
        ),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_the_cause_is_named_where_another_program_wrote_the_numbers(
    tmp_path: Path, row: str, message: str, header: bool
) -> None:
    line = "line 2" if header else "line 1"
    with pytest.raises(DataError) as caught:
        run(make_udacity(tmp_path / "log", header, lines=[row] * 2), tmp_path / "out", "udacity")
    assert message.replace("line 1", line) in str(caught.value)
