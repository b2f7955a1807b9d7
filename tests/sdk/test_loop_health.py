"""What a driving loop says of how it does."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from auxdrive import LoopHealth
from auxdrive.loop.health import Spread
from looping import Drive, frames

pytestmark = pytest.mark.usefixtures("threads_end")


def test_health_is_told_and_logged_once_a_second(
    waypoint_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[LoopHealth] = []
    drive = Drive(waypoint_bundle, frames(10_000), health=told.append)
    with caplog.at_level(logging.INFO, "auxdrive.loop.monitor"):
        last = drive.run(seconds=2.5)
    assert told[-1] == last
    assert 2 <= len(told) <= 4
    assert [each.ended for each in told[:-1]] == [""] * (len(told) - 1)
    assert [each.ticks for each in told] == sorted(each.ticks for each in told)
    lines = [record.message for record in caplog.records if record.message.startswith("{")]
    assert lines == [each.line() for each in told]


def test_a_health_function_that_fails_is_told_and_stops_nothing(
    waypoint_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(health: LoopHealth) -> None:
        raise ConnectionError("no monitor listens")

    drive = Drive(waypoint_bundle, frames(5), health=fail)
    assert drive.run().ended == "the camera has ended"
    assert "no monitor listens" in caplog.text


def test_a_health_function_that_hangs_delays_nothing(
    waypoint_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxdrive.loop.monitor._CLOSE_S", 0.1)
    let_go = threading.Event()
    drive = Drive(waypoint_bundle, frames(10_000), health=lambda health: let_go.wait(60))
    health = drive.run(seconds=1.6)
    assert health.ticks > 20
    let_go.set()


def test_spreads_are_those_of_numpy_within_a_class() -> None:
    values = np.random.default_rng(0).lognormal(1.0, 2.0, 20_000)
    spread = Spread()
    for value in values.tolist():
        spread.add(value)
    spread.add(float("nan"))
    found = spread.times()
    assert found is not None
    for share, value in ((50, found.p50), (99, found.p99)):
        exact = float(np.percentile(values, share))
        assert exact * 0.999 <= value <= exact * 1.051
    assert found.worst == pytest.approx(values.max(), abs=1e-3)
    assert Spread().times() is None
