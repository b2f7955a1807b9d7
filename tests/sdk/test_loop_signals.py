"""Signals end a driving loop with a safe stop, and their handlers are put back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from looping import HEEDS, Drive, frames

pytestmark = pytest.mark.usefixtures("no_thread_stays")


def test_in_another_thread_there_are_no_signal_handlers(waypoint_bundle: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    drive = Drive(waypoint_bundle, frames(10_000))
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(drive.run()))
    thread.start()
    while len(drive.commands) < 3:
        time.sleep(0.005)
    assert signal.getsignal(signal.SIGTERM) is before
    drive.loop.stop()
    thread.join(20)
    assert found[0].ended == "it was stopped"
    assert drive.has_stopped()


def test_handlers_and_the_switch_interval_are_put_back(waypoint_bundle: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    interval = sys.getswitchinterval()
    Drive(waypoint_bundle, frames(2)).run()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert sys.getswitchinterval() == interval


SIGNALLED = """
import os, signal, sys, time
import numpy as np
from auxdrive import DrivingLoop, IteratorCamera, Predictor, VehicleState

def frames():
    while True:
        time.sleep(0.02)
        yield np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8), time.monotonic()

def actuate(control):
    print(control.brake, flush=True)

with Predictor.load(sys.argv[1]) as predictor:
    loop = DrivingLoop(
        predictor, IteratorCamera(frames()), actuate,
        lambda: VehicleState(4.0, (20.0, 0.0)), rate_hz=float(sys.argv[2]),
    )
    print("ended by", loop.run().ended, flush=True)
"""


def signalled(bundle: Path, number: int, rate_hz: float, times: int = 1) -> tuple[list[str], float]:
    """What a loop in a process of its own prints that is sent a signal after its first command, and
    how many seconds after that it had ended.
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SIGNALLED, str(bundle), str(rate_hz)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=HEEDS,
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    begin_s = time.monotonic()
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.001)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return [first.strip(), *rest.split("\n")[:-1]], time.monotonic() - begin_s


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_safe_stop(waypoint_bundle: Path, number: signal.Signals) -> None:
    lines, _ = signalled(waypoint_bundle, number, 50.0)
    assert lines[-2:] == ["1.0", f"ended by {number.name}"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_several_signals_do_no_more_and_a_slow_loop_ends_soon(waypoint_bundle: Path) -> None:
    lines, seconds = signalled(waypoint_bundle, signal.SIGTERM, 0.1, times=3)
    assert lines[-2:] == ["1.0", "ended by SIGTERM"]
    assert seconds < 9  # the next tick would come after 10 s


HANGING = """
import sys, time
import numpy as np
from auxdrive import DrivingLoop, IteratorCamera, Predictor, VehicleState

def actuate(control):
    print(control.brake, flush=True)
    if control.throttle or not sys.stdin.readline():
        return
    print("hangs", flush=True)
    time.sleep(3600)

image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
with Predictor.load(sys.argv[1]) as predictor:
    camera = IteratorCamera((image, time.monotonic()) for _ in iter(lambda: time.sleep(0.02), 1))
    loop = DrivingLoop(predictor, camera, actuate, lambda: VehicleState(4.0, (20.0, 0.0)))
    try:
        loop.run()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_twice_ends_a_loop_whose_actuators_hang(waypoint_bundle: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HANGING, str(waypoint_bundle)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=HEEDS,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline()  # the first command
    process.stdin.write("hang\n")
    process.stdin.flush()
    while process.stdout.readline().strip() != "hangs":
        assert process.poll() is None
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert rest.split() == ["1.0", "interrupted"]
