"""The safety envelope within a driving loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bundle_factory
import pytest
from auxdrive import EnvelopeMode, SafetyEnvelope, UsageError, VehicleSpec, VehicleState
from looping import STATE, Drive, frames, sometimes_wrong, stop_when

pytestmark = pytest.mark.usefixtures("threads_end")


def test_by_default_the_safety_envelope_commands(steering_bundle: Path) -> None:
    """It stops at a stalled camera, and stays so until it is released."""
    go_on = threading.Event()

    def pausing() -> Iterator[tuple[Any, float]]:
        yield from frames(5)
        go_on.wait(30)
        yield from frames(10_000)

    released: list[int] = []

    def state() -> VehicleState:
        if marks and len(drive.commands) == marks[0] + 10:  # new images alone end no stop
            released.append(len(drive.commands))
            envelope.release()
        return STATE

    marks: list[int] = []
    drive = Drive(steering_bundle, pausing(), envelope=None, state=state)
    envelope = drive.loop.envelope
    assert isinstance(envelope, SafetyEnvelope)

    def has_driven_again() -> bool:
        if envelope.mode is EnvelopeMode.STOP and not marks:
            go_on.set()
            marks.append(len(drive.commands))
        return bool(released) and envelope.mode is EnvelopeMode.DRIVING

    stop_when(drive.loop, has_driven_again)
    health = drive.run()
    assert health.ended == "the test has seen enough"
    assert released
    assert health.flags["frame_stale"] >= 3
    assert health.flags["fallback"] >= 10
    assert health.flags["fallback"] == envelope.counters["fallback"]
    assert drive.has_stopped()


def test_the_envelope_is_shown_the_images_that_the_predictor_refuses(
    steering_bundle: Path,
) -> None:
    drive = Drive(steering_bundle, sometimes_wrong(30), envelope=None)
    health = drive.run()
    assert health.frames_refused >= 1
    assert health.flags["frame_malformed"] >= 1
    assert health.flags["no_prediction"] >= health.flags["frame_malformed"]


def test_an_envelope_needs_the_wheelbase(tmp_path: Path) -> None:
    bundle = bundle_factory.write_bundle(tmp_path / "bundle", vehicle=VehicleSpec())
    with pytest.raises(UsageError, match="wheelbase"):
        Drive(bundle, frames(1), envelope=None)
