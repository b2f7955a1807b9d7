"""Line charts of pages: whole epochs, round numbers, gaps, and text that stays text."""

from __future__ import annotations

import math
import re

import pytest
from auxdrive.html.charts import Line, line_chart, round_ticks, tick_labels, whole_ticks
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1, 1, [1]),
        (1, 4, [1, 2, 3, 4]),
        (1, 6, [1, 2, 3, 4, 5, 6]),
        (1, 12, [5, 10]),
        (1, 11, [2, 4, 6, 8, 10]),
        (1, 300, [100, 200, 300]),
    ],
)
def test_epochs_are_whole(low: int, high: int, ticks: list[int]) -> None:
    assert whole_ticks(low, high) == ticks


@given(st.floats(-1e9, 1e9, allow_subnormal=False), st.floats(1e-6, 1e9) | st.just(0.0))
def test_round_numbers_enclose_what_is_shown(low: float, width: float) -> None:
    high = low + width
    ticks = round_ticks(low, high)
    slack = 1e-6 * max(abs(low), abs(high), 1e-300)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 12
    assert ticks == sorted(ticks)


def test_numbers_of_everyday_charts() -> None:
    assert round_ticks(0.13, 0.71) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert round_ticks(5.0, 5.0) == pytest.approx([2, 4, 6, 8])


def test_labels_of_an_axis() -> None:
    assert tick_labels([0.0, 0.2, 0.4]) == ["0", "0.2", "0.4"]
    assert tick_labels([0.0, 0.00025, 0.0005, 0.001]) == ["0", "2.5e-4", "5e-4", "10e-4"]
    assert tick_labels([0.0, 2e6, 4e6]) == ["0", "2e6", "4e6"]


def test_no_two_lines_look_alike() -> None:
    lines = [Line(str(n), [(1, n), (2, n)]) for n in range(12)]
    chart = line_chart("a", lines, "epoch")
    looks = re.findall(r'<polyline points="[^"]+" fill="none" (stroke=[^/]+)/>', chart)
    assert len(set(looks)) == len(lines)


def test_a_gap_breaks_the_line_and_text_stays_text() -> None:
    line = Line("<b>a</b>", [(1, 0.5), (2, 0.4), (3, None), (4, math.nan), (5, 0.2), (6, 0.1)])
    chart = line_chart("<i>", [line, Line("c", [(1, 0.3), (6, 0.3)], True)], "epoch", [2.5],
                       (6, 0.1, "best & last"))  # fmt: skip
    assert chart.count("<polyline") == 3  # two stretches, and the reference
    assert "<b>" not in chart
    assert "<i>" not in chart
    assert "best &amp; last" in chart
    labels = re.findall(r'text-anchor="middle">([^<]+)<', chart)
    assert labels == ["1", "2", "3", "4", "5", "6", "epoch"]


def test_without_a_number_that_is_said() -> None:
    assert "nothing was recorded" in line_chart("Loss", [Line("a", [(1, None)])], "epoch")
    assert "nothing was recorded" in line_chart("Loss", [], "epoch")
