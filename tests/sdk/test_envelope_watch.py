"""What the envelope sees in frames and clocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from auxdrive.envelope.guarded import FINDINGS, EnvelopeFlag, EnvelopeMode
from auxdrive.errors import InputError
from auxdrive.types import Flag, Observation, Prediction
from enveloped import Drive, frame, steers

F = EnvelopeFlag


def found(drive: Drive, **changes: Any) -> set[EnvelopeFlag]:
    """What was found in one tick."""
    return set(drive.tick(**changes).flags & FINDINGS)


def started(**options: Any) -> Drive:
    """A drive that goes well so far."""
    drive = Drive(**options)
    drive.ticks(3)
    return drive


def test_a_good_frame_has_no_flag() -> None:
    drive = Drive(speed_mps=6.0)
    drive.ticks(40)
    guarded = drive.tick()
    assert (guarded.flags, guarded.reason, guarded.mode) == (frozenset(), "", "driving")


def night() -> np.ndarray[Any, Any]:
    """Dark but for the cone of the headlights, a twentieth of the image."""
    image = (frame() % 24).astype(np.uint8)
    image[24:28, 10:51] = 90
    return image


@pytest.mark.parametrize(
    ("image", "flags"),
    [
        (np.zeros((32, 64, 3), np.uint8), {F.FRAME_DARK}),
        ((frame() % 20).astype(np.uint8), {F.FRAME_DARK}),
        (night(), set()),
        (np.full((32, 64, 3), 255, np.uint8), {F.FRAME_SATURATED}),
        (np.maximum(frame(), 251), {F.FRAME_SATURATED}),
        (np.full((32, 64, 3), 240, np.uint8), set()),  # fog
        (frame()[:16], {F.FRAME_MALFORMED}),
        (frame()[..., :2], {F.FRAME_MALFORMED}),
        (frame().astype(np.float32), {F.FRAME_MALFORMED}),
        (frame().tolist(), {F.FRAME_MALFORMED}),
        ("no image", {F.FRAME_MALFORMED}),
        (np.ma.masked_array(frame()), {F.FRAME_MALFORMED}),
        (frame()[..., ::-1], set()),  # a view of OpenCV's order
        (np.asfortranarray(frame()), set()),
    ],
)
def test_what_a_frame_shows(image: Any, flags: set[EnvelopeFlag]) -> None:
    assert found(started(), image=image) == flags


def test_a_malformed_frame_is_told_as_a_predictor_tells_it() -> None:
    reason = started().tick(image=frame()[:16]).reason
    assert "the image has the shape (16, 64, 3), this model takes (32, 64, 3)" in reason


def test_a_repeated_frame_is_one_while_the_car_moves() -> None:
    drive = started()
    drive.tick(image=frame(5))
    assert found(drive, image=frame(5)) == {F.FRAME_REPEATED}
    assert found(drive, image=frame(6)) == set()
    drive.speed_mps = 0.2
    assert found(drive, image=frame(6)) == set()
    # at unknown speed it may have moved
    assert F.FRAME_REPEATED in drive.tick(image=frame(6), speed_mps=math.nan).flags


def test_the_same_observation_again_is_no_repeated_frame() -> None:
    drive = started()
    seen = Observation(frame(7), drive.now_s + drive.period_s)
    assert found(drive, observation=seen) == set()
    assert found(drive, observation=seen) == set()
    assert drive.envelope.counters["frames"] == 4


def torn(new: int, old: int, rows: int) -> np.ndarray[Any, Any]:
    """A new frame whose lowest rows are still the old one's."""
    image = frame(new)
    image[-rows:] = frame(old)[-rows:]
    return image


def test_a_torn_frame() -> None:
    drive = started()
    drive.tick(image=frame(11))
    assert found(drive, image=torn(12, 11, 16)) == {F.FRAME_TORN}
    assert found(drive, image=frame(13)) == set()
    assert found(drive, image=torn(14, 13, 6)) == set()  # less than a quarter


def test_a_bonnet_that_never_changes_is_no_torn_frame() -> None:
    drive = started()
    for seed in range(20, 26):
        image = frame(seed)
        image[-12:] = frame(1)[-12:]
        flags = found(drive, image=image)
    assert flags == set()


def test_a_sky_that_never_changes_is_no_torn_frame() -> None:
    drive = started()
    for seed in range(20, 26):
        image = frame(seed)
        image[:20] = 200
        assert found(drive, image=image) == set()


def test_frames_that_are_late_early_or_in_disorder() -> None:
    drive = started(max_frame_age_s=0.3)
    now = drive.now_s + drive.period_s
    assert found(drive, observation=Observation(frame(31), now - 0.31)) == {F.FRAME_STALE}
    now += drive.period_s
    assert found(drive, observation=Observation(frame(32), now + 0.01)) == {F.FRAME_TIME}
    now += drive.period_s
    assert found(drive, observation=Observation(frame(33), now - 0.2)) == {F.FRAME_TIME}
    now += drive.period_s
    assert found(drive, observation=Observation(frame(34), math.nan)) == {F.FRAME_TIME}
    assert found(drive, observation=None) == {F.NO_FRAME}


def test_a_prediction_that_is_missing_withheld_late_or_a_guess() -> None:
    drive = started()
    assert found(drive, prediction=None) == {F.NO_PREDICTION}
    empty = Prediction(0.0, 1.0, flags=frozenset({Flag.RUNTIME_FAILURE}), reason="it failed")
    guarded = drive.tick(prediction=empty)
    assert F.PREDICTION_WITHHELD in guarded.flags
    assert guarded.reason.startswith("it failed; ")
    assert found(drive, prediction=steers(drive.now_s - 1.0, 0.1)) == {F.SAFE_STOP}
    drive = started()
    out = frozenset({Flag.INPUT_OUT_OF_RANGE})
    guess = Prediction(drive.now_s, 1.0, steer_rad=0.0, flags=out, reason="beyond")
    assert found(drive, prediction=guess) == {F.INPUT_OUT_OF_RANGE}
    drive = started(fallback={"tolerated": [F.INPUT_OUT_OF_RANGE]})
    guarded = drive.tick(prediction=Prediction(drive.now_s, 1.0, steer_rad=0.0, flags=out))
    assert guarded.flags & FINDINGS == {F.INPUT_OUT_OF_RANGE}
    assert guarded.reason.startswith("an input is outside the training range")


@pytest.mark.parametrize("speed_mps", [math.nan, math.inf, -1e30, 71.0])
def test_a_speed_that_no_car_has(speed_mps: float) -> None:
    assert found(started(), speed_mps=speed_mps) == {F.SAFE_STOP}


@pytest.mark.parametrize("output", [math.nan, -math.inf])
def test_an_output_that_is_not_finite(output: float) -> None:
    drive = started()
    assert found(drive, steer_rad=output) == {F.SAFE_STOP}


def test_clocks_that_jump() -> None:
    drive = started()
    last = drive.last
    for now in (drive.now_s - 5.0, math.nan, math.inf, drive.now_s + 60.0):
        guarded = drive.tick(steer_rad=0.3, now_s=now)
        assert F.CLOCK_JUMP in guarded.flags
        assert guarded.control.steer_rad == last.steer_rad  # how much time has passed is not known
        drive.last = last
    with pytest.raises(InputError, match=r"now_s is 1e\+18, which are no seconds"):
        drive.envelope.step(None, None, 4.0, 1e18)


def test_counters() -> None:
    drive = started()
    drive.tick(image=np.zeros((32, 64, 3), np.uint8))
    counters = drive.envelope.counters
    assert (counters["ticks"], counters["frames"], counters["frame_dark"]) == (4, 4, 1)
    assert counters["bridged"] == 1
    assert drive.envelope.mode is EnvelopeMode.BRIDGING
