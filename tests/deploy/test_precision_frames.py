"""Which recorded frames calibrate a precision, and which judge it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from auxdrive.errors import UsageError
from auxdrive_deploy.precisions.frames import Frames, calibration_frames, held_out_frames
from auxdrive_train.engine.load import Run
from auxdrive_train.quantization.calibration import LEVELS, choose
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES = st.one_of(
    st.floats(-100, 100), st.just(float("nan")), st.sampled_from([0.0, 1.0, float("inf")])
)
CONDITIONS = st.integers(1, 200).flatmap(
    lambda count: st.lists(
        st.lists(VALUES, min_size=count, max_size=count).map(np.array), min_size=1, max_size=3
    )
)


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, st.integers(1, 250))
def test_as_many_as_were_wanted_each_once_and_the_same_each_time(
    conditions: list[np.ndarray], count: int
) -> None:
    frames = len(conditions[0])
    chosen = choose(conditions, count)
    assert len(chosen) == min(count, frames)
    assert (np.diff(chosen) > 0).all()
    assert 0 <= chosen[0] <= chosen[-1] < frames
    assert np.array_equal(chosen, choose([each.copy() for each in conditions], count))
    if count >= 2 * len(conditions):
        for values in conditions:
            known = values[np.isfinite(values)]
            if len(known):
                assert np.nanmin(known) in values[chosen]
                assert np.nanmax(known) in values[chosen]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_every_combination_of_levels_is_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steer = np.where(rng.uniform(size=2000) < 0.01, rng.uniform(-1, 1, 2000), 0.0)
    steer[:2] = -1.0, 1.0
    light = rng.uniform(0, 255, 2000)
    light[:2] = 0.0, 255.0

    def cells(rows: np.ndarray) -> set[tuple[int, int]]:
        levels = [
            np.minimum(((each - each.min()) / np.ptp(each) * LEVELS).astype(int), LEVELS - 1)
            for each in (steer, light)
        ]
        return {*zip(levels[0][rows].tolist(), levels[1][rows].tolist(), strict=True)}

    assert cells(choose([steer, light], 4 + LEVELS**2)) == cells(np.arange(2000))


def rows(frames: Frames) -> set[bytes]:
    return {image.tobytes() for image in frames.images}


def test_calibration_and_judgement_share_no_frame(steering_run: Run) -> None:
    result = steering_run.folder.result()
    calibration = calibration_frames(steering_run, 1000)
    held_out = held_out_frames(steering_run, result)
    assert len(calibration) == 3 * 12  # the training episodes of this data set
    assert len(held_out) == (5 + 1) * 12  # validation and test
    assert not rows(calibration) & rows(held_out)
    assert calibration.images[-1].shape == (64, 80, 3)
    with pytest.raises(IndexError):
        calibration.images[len(calibration)]
    few = held_out.few(5)
    assert len(few) == len(few.labels) == 5
    assert rows(few) < rows(held_out)
    assert len(calibration_frames(steering_run, 7)) == 7


def test_data_that_have_changed_are_a_mistake(steering_run: Run) -> None:
    record = steering_run.record.model_copy(update={"dataset_sha256": "0" * 64})
    changed = replace(steering_run, record=record)
    with pytest.raises(UsageError, match=r"changed since training. Export without --precision"):
        calibration_frames(changed, 8)
