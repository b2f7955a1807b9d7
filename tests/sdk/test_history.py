"""Which earlier frames go with a frame: by a rule that is written down here once more, for
recordings and for vehicles alike.
"""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.cards import HistorySpec
from auxdrive.history import EarlierFrames, FrameMemory, earlier_rows
from auxdrive.types import Float64
from pydantic import ValidationError

TWO = HistorySpec(frames=2, gap_s=0.5)


def rows_by_hand(time_s: Float64, spec: HistorySpec) -> list[list[int]]:
    """The newest record that is old enough, else the oldest since the last pause; for cameras that
    take no more than sixteen frames in a gap.
    """
    found, begin = [], 0
    for row, now_s in enumerate(time_s):
        if row and now_s - time_s[row - 1] > 1.07 * max(1.0, 2 * spec.gap_s):
            begin = row
        ages = [(number - 0.07) * spec.gap_s for number in range(1, spec.frames)]
        old_enough = [
            [other for other in range(begin, row) if now_s - time_s[other] >= age] for age in ages
        ]
        found.append([rows[-1] if rows else begin for rows in old_enough])
    return found


@pytest.mark.parametrize(
    ("time_s", "wanted"),
    [
        (np.arange(5) * 0.5, [0, 0, 1, 2, 3]),  # frames as far apart as the gap
        (np.arange(5) * 0.25, [0, 0, 0, 1, 2]),
        (np.arange(4) * 0.4, [0, 0, 0, 1]),  # never younger than the gap
        (np.arange(4) * 0.48, [0, 0, 1, 2]),  # but for the jitter of clocks
        (np.array([0.0, 0.5, 1.0, 3.0, 3.5]), [0, 0, 1, 3, 3]),  # a pause
        (np.array([7.0, 7.5, 1.0, 1.5]), [0, 0, 2, 2]),  # a clock that was set back
        (np.array([5.0, 5.0, 5.5]), [0, 0, 0]),  # the same frame twice
    ],
)
def test_the_newest_frame_that_is_old_enough_goes_with_a_frame(
    time_s: Float64, wanted: list[int]
) -> None:
    assert earlier_rows(time_s, TWO)[:, 0].tolist() == wanted


@pytest.mark.parametrize(
    "spec", [TWO, HistorySpec(frames=4, gap_s=0.3), HistorySpec(frames=3, gap_s=1.0)]
)
def test_a_vehicle_sees_what_a_recording_says(spec: HistorySpec) -> None:
    rng = np.random.default_rng(5)
    steps_s = rng.choice([0.1, 0.2, 0.25, 0.5, 3.0], 300, p=[0.5, 0.2, 0.2, 0.08, 0.02])
    time_s = np.cumsum(steps_s + rng.normal(0, 0.004, 300))
    rows = earlier_rows(time_s, spec)
    assert rows.tolist() == rows_by_hand(time_s, spec)
    memory, image = FrameMemory(spec, (2, 3, 3)), np.empty((2, 3, 3), np.uint8)
    for row, now_s in enumerate((time_s + 1.7e9).tolist()):  # a clock that counts from 1970
        image[:] = row % 256  # a caller may use its memory again
        seen = memory.see(image, now_s)
        assert [each[0, 0, 0] for each in seen] == [other % 256 for other in rows[row]]


def test_a_fast_camera_fills_no_memory() -> None:
    earlier = EarlierFrames(HistorySpec(frames=3, gap_s=0.5))
    places = {place for tick in range(3000) for place in earlier.take(tick / 300)[0]}
    assert len(places - {None}) <= earlier.places == 36
    time_s = np.arange(3000) / 300
    rows = earlier_rows(time_s, HistorySpec(frames=3, gap_s=0.5))[600:]
    ages_s = time_s[600:, None] - time_s[rows]
    assert (ages_s >= np.array([0.465, 0.965])).all()
    assert (ages_s <= np.array([0.465, 0.965]) + 0.032).all()  # a sixteenth of the gap


def test_forgotten_frames_do_not_come_back() -> None:
    memory = FrameMemory(TWO, (1, 1, 3))
    frames = [np.full((1, 1, 3), value, np.uint8) for value in range(4)]
    assert memory.see(frames[1], 0.0)[0] is frames[1]  # its own past, when there is none
    assert memory.see(frames[2], 0.5)[0].max() == 1
    memory.forget()
    assert memory.see(frames[3], 1.0)[0] is frames[3]


def test_a_history_that_reaches_too_far_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"reach 6 s back, and at most 5 s are allowed"):
        HistorySpec(frames=4, gap_s=2.0)
