"""Rates: what the timestamps say, what the caller says, and what no camera has."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive_train.ingest import READERS, clock
from auxdrive_train.ingest.source import SourceOptions
from hypothesis import example, given
from hypothesis import strategies as st
from recordings import TUB_START_MS, make_tub, note_with, run


def tub_at(folder: Path, step_ms: float, gap_after: int | None = None) -> Path:
    """A tub of 12 records so far apart, with a gap of 100 periods after one of them."""
    stamps = [
        step_ms * (index + 100 * (gap_after is not None and index > gap_after))
        for index in range(12)
    ]
    return make_tub(folder, [{"_timestamp_ms": TUB_START_MS + stamp} for stamp in stamps])


def test_the_rate_that_is_given_wins_over_the_timestamps_and_it_is_said(tmp_path: Path) -> None:
    tub = tub_at(tmp_path / "tub", 3, gap_after=7)
    report, dataset = run(tub, tmp_path / "out", options=SourceOptions(rate_hz=20))
    assert dataset.card.rate_hz == report.rate_hz == 20
    # the gap is still one
    assert [len(dataset.episode(each)) for each in dataset.episode_ids] == [8, 4]
    np.testing.assert_allclose(
        np.diff(dataset.episode("train-0000").state["time_s"]), 0.05, atol=1e-5
    )
    assert "333.3 Hz, but --rate-hz 20 holds: times are stretched by 16.67; 1 gaps" in note_with(
        report, "timestamps"
    )
    with pytest.raises(DataError, match="another data set"):
        run(tub, tmp_path / "out", options=SourceOptions(rate_hz=21))


@pytest.mark.parametrize(
    ("step_ms", "said"), [(3, "333.3 Hz"), (0.05, "1.997e+04 Hz"), (2500, "0.4 Hz")]
)
def test_rates_that_no_camera_has_are_not_believed(
    tmp_path: Path, step_ms: float, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        run(tub_at(tmp_path / "tub", step_ms), tmp_path / "out")
    assert f"the timestamps say {said}" in str(caught.value)
    assert "Say the camera's true rate with --rate-hz" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_strange_rate_that_is_given_is_doubted_and_taken(tmp_path: Path) -> None:
    report, dataset = run(
        tub_at(tmp_path / "tub", 3), tmp_path / "out", options=SourceOptions(rate_hz=333)
    )
    assert dataset.card.rate_hz == 333
    assert "no vehicle's camera records outside 0.5 to 200 Hz" in note_with(report, "timestamps")


@pytest.mark.parametrize("rate_hz", [None, 30.0])
def test_without_timestamps_the_rate_is_the_given_or_the_programs_own(
    tmp_path: Path, rate_hz: float | None
) -> None:
    tub = make_tub(tmp_path / "tub", [{"_timestamp_ms": ...}] * 4)
    report, dataset = run(tub, tmp_path / "out", options=SourceOptions(rate_hz=rate_hz))
    assert dataset.card.rate_hz == (rate_hz or 20)
    assert ("a nominal 20 Hz, which nothing confirms" in note_with(report, "not used")) == (
        rate_hz is None
    )


def test_records_whose_clock_did_not_run_are_not_gathered(tmp_path: Path) -> None:
    """Their equal times say nothing of their order; sorted by them, images of nine instants would
    seem to be one stretch of a drive.
    """
    stamps = [0 if index % 7 == 0 else TUB_START_MS + 50 * index for index in range(60)]
    report, dataset = run(
        make_tub(tmp_path / "tub", [{"_timestamp_ms": stamp} for stamp in stamps]), tmp_path / "out"
    )
    angles = [-np.radians(25) * (index % 10) / 10 for index in range(60)]
    np.testing.assert_allclose(dataset.episode("train-0000").state["steer_rad"], angles, atol=1e-6)
    assert not any("out of order" in note for note in report.notes)
    assert "8 of 59 time steps do not go forward" in note_with(report, "not used")


def period_without_pauses(steps: list[float]) -> float:
    """The median step, where those over five times as long are pauses and count no more."""
    median = statistics.median(steps)
    within = [step for step in steps if step <= 5.005 * median]
    return median if len(within) == len(steps) else period_without_pauses(within)


@example(steps=[1.0, 2.0, 11.0], rate_hz=1.0, start=0.0)
@given(
    steps=st.lists(
        st.floats(1e-3, 1e6) | st.just(0.0) | st.floats(-1e3, 0), min_size=1, max_size=30
    ),
    rate_hz=st.floats(0.1, 1000),
    start=st.floats(-1e6, 1e6),
)
def test_a_given_rate_always_holds(steps: list[float], rate_hz: float, start: float) -> None:
    times = list(np.cumsum([start, *steps]))
    judged = clock.judge(times, range(len(times)), 20.0, rate_hz)
    assert judged.rate_hz == rate_hz
    forward = [step for step in np.diff(judged.time_s) if step > 0]
    assert np.isfinite(judged.time_s).all()
    assert not forward or period_without_pauses(forward) == pytest.approx(1 / rate_hz, rel=2e-3)


def test_a_tub_whose_records_were_numbered_anew_at_random_is_sorted(tmp_path: Path) -> None:
    order = np.random.default_rng(3).permutation(40)
    rows: list[dict[str, Any]] = [
        {"_timestamp_ms": TUB_START_MS + 50 * int(place), "user/angle": place / 100}
        for place in order
    ]
    source = READERS["donkey"](make_tub(tmp_path / "tub", rows, size=(2, 2)), SourceOptions())
    assert [record.steer for record in source.records] == [place / 100 for place in range(40)]
    assert [record.index for record in source.records] == list(range(40))
    np.testing.assert_allclose(
        np.diff([record.time_s for record in source.records]), 0.05, atol=1e-6
    )


def test_times_that_are_no_clocks_do_not_shuffle_a_tub(tmp_path: Path) -> None:
    stamps = np.random.default_rng(3).integers(0, 10**9, 200)
    rows: list[dict[str, Any]] = [
        {"_timestamp_ms": int(stamp), "user/angle": place / 1000}
        for place, stamp in enumerate(stamps)
    ]
    source = READERS["donkey"](make_tub(tmp_path / "tub", rows, size=(2, 2)), SourceOptions())
    assert [record.steer for record in source.records] == [place / 1000 for place in range(200)]
    assert "timestamps are not used" in source.notes[0]


def test_a_clock_that_was_set_back_keeps_the_order(tmp_path: Path) -> None:
    stamps = [50 * index if index < 20 else 50 * index - 100_000 for index in range(40)]
    report, dataset = run(
        make_tub(tmp_path / "tub", [{"_timestamp_ms": TUB_START_MS + stamp} for stamp in stamps]),
        tmp_path / "out",
    )
    assert [len(dataset.episode(each)) for each in dataset.episode_ids] == [20, 20]
    assert report.notes[0].startswith(
        "timestamps: 20 Hz; 0 gaps longer than 5 periods, 0 repeated, 1 going back"
    )
