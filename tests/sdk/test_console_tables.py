"""Tables of commands on terminals of any width: nothing is lost, no line is wider than the
terminal, and words and numbers stay whole.
"""

from __future__ import annotations

import pytest
from auxdrive.console import stdout, table
from auxdrive.console.tables import FIRST_WIDTH
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

HEADS = ("", "baseline", "student", "(constant)", "(neighbours)")
ROWS = (
    ("ADE, m", "0.645", "0.575", "2.577", "0.828"),
    ("path's pure-pursuit angle within 1.5° (road wheel), %", "59.7", "65.7", "48.7", None),
    ("runtime", "ONNX Runtime", "ONNX Runtime", None, None),
)


def printed(width: int, heads: object = HEADS, rows: object = ROWS) -> list[str]:
    before = stdout.width
    stdout.width = width
    try:
        with stdout.capture() as found:
            table("test part", heads, rows)  # type: ignore[arg-type]
    finally:
        stdout.width = before
    return found.get().splitlines()


def words_of(lines: list[str]) -> set[str]:
    return {word for line in lines for word in line.translate(str.maketrans("│┃", "  ")).split()}


@pytest.mark.parametrize("width", [24, 40, 60, 66, 80, 100, 140])
def test_every_word_and_number_stays_whole(width: int) -> None:
    lines = printed(width)
    assert max(map(cell_len, lines)) <= max(width, cell_len(ROWS[1][0] or ""))
    wanted = {word for cells in (HEADS, *ROWS) for cell in cells for word in (cell or "").split()}
    assert wanted <= {word.removesuffix(":") for word in words_of(lines)}


def test_the_first_column_keeps_its_width_then_the_frame_goes_then_rows_are_lists() -> None:
    assert len(printed(140)) == 1 + 3 + len(ROWS) + 1  # title, heads in their frame, rows, frame
    framed = printed(80)
    assert framed[1].startswith("┏")
    assert framed[1].index("┳") >= FIRST_WIDTH
    light = printed(66)
    assert not any("┃" in line or "│" in line for line in light)
    assert light[1].split() == [head for head in HEADS if head]
    assert printed(40) == [
        "test part",
        "ADE, m",
        "  baseline: 0.645  student: 0.575",
        "  (constant): 2.577  (neighbours): 0.828",
        "path's pure-pursuit angle within 1.5° (road wheel), %",
        "  baseline: 59.7  student: 65.7",
        "  (constant): 48.7",
        "runtime",
        "  baseline: ONNX Runtime",
        "  student: ONNX Runtime",
    ]


def test_a_path_or_a_hash_may_be_broken_where_it_is_wider_than_the_terminal() -> None:
    long = "0123456789abcdef" * 4
    lines = printed(60, ("file", "SHA-256"), [("model.onnx", long)])
    assert "".join(words_of(lines)).count("model.onnx") == 1
    assert max(map(cell_len, lines)) <= 60
    assert long in "".join("".join(line.split("│")[-2].split()) for line in lines if "│" in line)


CELLS = st.none() | st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    st.integers(8, 200),
    st.integers(1, 6).flatmap(
        lambda count: st.lists(st.lists(CELLS, min_size=count, max_size=count), max_size=4)
    ),
)
@settings(max_examples=60, deadline=None)
def test_any_table_is_printed_at_any_width(width: int, rows: list[list[str | None]]) -> None:
    heads = [f"head {index}" for index in range(len(rows[0]) if rows else 2)]
    lines = printed(width, heads, rows)
    assert lines[0].startswith("test"[:width])


def test_a_table_without_rows_has_its_heads() -> None:
    assert {"file", "state"} <= words_of(printed(80, ("file", "state"), []))
