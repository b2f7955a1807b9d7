"""A predictor under signal handlers, in forked children, and on its way to other processes: it
predicts or refuses, and never hangs.
"""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from auxdrive.errors import UsageError
from auxdrive.predictor import Predictor
from auxdrive.runtimes import RUNTIMES
from auxdrive.types import Observation

IMAGE = np.full((24, 32, 3), 90, np.uint8)
START = """
import faulthandler, gc, os, signal, sys, threading, time
import numpy as np
from auxdrive import Observation, Predictor, UsageError

faulthandler.dump_traceback_later(40, exit=True)
frame = Observation(np.full((24, 32, 3), 90, np.uint8), 0.0)
bundle, runtime = sys.argv[1:]
"""

every_runtime = pytest.mark.parametrize(
    "runtime", [name for name in RUNTIMES.names() if "cpu" in RUNTIMES[name].devices]
)

posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def run(code: str, bundle: Path, runtime: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", START + code, str(bundle), runtime],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Fatal" not in done.stderr


@posix
@every_runtime
def test_close_in_a_signal_handler_lets_the_call_end_and_then_releases(
    steering_bundle: Path, runtime: str
) -> None:
    run(
        """
for attempt in range(40):
    predictor = Predictor.load(bundle, runtime, threads=1 + attempt % 2, warm_up=False)
    signal.signal(signal.SIGALRM, lambda *_: predictor.close())
    signal.setitimer(signal.ITIMER_REAL, 0.0005 + 0.0001 * attempt)
    while True:
        try:
            assert predictor.predict(frame).steer_rad is not None
        except UsageError as error:
            assert "closed" in str(error)
            break
    assert predictor._turns._session is None
""",
        steering_bundle,
        runtime,
    )


@posix
@every_runtime
def test_predict_in_a_signal_handler_is_refused_in_the_middle_of_a_call(
    steering_bundle: Path, runtime: str
) -> None:
    run(
        """
predictor = Predictor.load(bundle, runtime)
expected = predictor.predict(frame).steer_rad
told = {"refused": 0, "predicted": 0}

def handler(*_):
    try:
        assert predictor.predict(frame).steer_rad == expected
        told["predicted"] += 1
    except UsageError as error:
        assert "in the middle of a call" in str(error)
        told["refused"] += 1

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
end = time.monotonic() + 30
while told["refused"] < 20:
    assert predictor.predict(frame).steer_rad == expected
    assert time.monotonic() < end, told
signal.setitimer(signal.ITIMER_REAL, 0)
""",
        steering_bundle,
        runtime,
    )


@posix
@every_runtime
def test_a_handler_that_raises_leaves_nothing_locked(steering_bundle: Path, runtime: str) -> None:
    run(
        """
class Stop(Exception):
    pass

def handler(*_):
    raise Stop

predictor = Predictor.load(bundle, runtime)
expected = predictor.predict(frame).steer_rad
signal.signal(signal.SIGALRM, handler)
stopped = 0
while stopped < 300:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0003 + 0.000001 * stopped)
        for _ in range(1000):
            prediction = predictor.predict(frame)
            assert not prediction.flags, prediction
    except Stop:
        stopped += 1
signal.setitimer(signal.ITIMER_REAL, 0)
predictions = []
other = threading.Thread(
    target=lambda: predictions.append(predictor.predict(frame).steer_rad), daemon=True
)
other.start()
other.join(10)
assert predictions == [expected]
predictor.close()
assert predictor._turns._session is None
""",
        steering_bundle,
        runtime,
    )


FORK = """
faulthandler.cancel_dump_traceback_later()  # its thread is one more that a child would wait for
predictor = Predictor.load(bundle, runtime, threads=2)
on = True

def drive():
    while on:
        predictor.predict(frame)

other = threading.Thread(target=drive, daemon=True)
other.start()

def child(what):
    if what == "leave":
        sys.exit(0)
    if what == "close":
        predictor.close()
        sys.exit(0)
    if what == "forget":
        globals().pop("predictor")
        gc.collect()
        sys.exit(0)
    try:
        predictor.predict(frame) if what == "predict" else predictor.warm_up()
    except UsageError as error:
        assert "loaded in another process" in str(error)
        sys.exit(0)
    sys.exit(5)

def fork(what):
    pid = os.fork()
    if pid == 0:
        child(what)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert status == 0, (what, status)
            return
        time.sleep(0.002)
    os.kill(pid, 9)
    raise SystemExit(f"the child hangs: {what}")

for what in ("predict", "warm up", "close", "leave"):
    fork(what)
on = False
other.join()
# without another thread whose frames keep the session alive in the child
for what in ("predict", "close", "leave", "forget"):
    fork(what)
assert predictor.predict(frame).steer_rad is not None
predictor.close()
"""


@forks
@every_runtime
def test_forked_children_are_refused_and_end(steering_bundle: Path, runtime: str) -> None:
    run(FORK, steering_bundle, runtime)


def test_it_is_not_pickled_and_not_copied(steering_bundle: Path) -> None:
    with Predictor.load(steering_bundle) as predictor:
        for send in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(UsageError, match="loaded in another process"):
                send(predictor)
        worker = multiprocessing.get_context("spawn").Process(target=print, args=(predictor,))
        with pytest.raises(UsageError, match="loaded in another process"):
            worker.start()
        assert predictor.predict(Observation(IMAGE, 0.0)).steer_rad is not None


def test_close_does_not_wait_for_another_threads_call(steering_bundle: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()
    predictor = Predictor.load(steering_bundle)
    real = predictor._turns._session
    assert real is not None
    wanted = predictor.predict(Observation(IMAGE, 0.0)).steer_rad
    closed: list[bool] = []
    predictions: list[float | None] = []

    class Slow:
        inputs, outputs, providers = real.inputs, real.outputs, real.providers

        def run(self, deadline_s: float | None = None) -> None:
            inside.set()
            assert go_on.wait(10)
            real.run()

        def close(self) -> None:
            closed.append(True)
            real.close()

    predictor._turns._session = Slow()  # type: ignore[assignment]  # the real session, held up
    caller = threading.Thread(
        target=lambda: predictions.append(predictor.predict(Observation(IMAGE, 0.0)).steer_rad)
    )
    caller.start()
    assert inside.wait(10)
    predictor.close()
    assert closed == []
    go_on.set()
    caller.join(10)
    assert (predictions, closed) == ([wanted], [True])
    with pytest.raises(UsageError, match="closed"):
        predictor.predict(Observation(IMAGE, 0.0))


@every_runtime
def test_the_process_ends_cleanly_while_daemon_threads_predict(
    steering_bundle: Path, runtime: str
) -> None:
    """Native code that a daemon thread is in when Python ends aborts the whole process."""
    run(
        """
predictors = [Predictor.load(bundle, runtime, warm_up=False) for _ in range(2)]


def work(predictor):
    while True:
        try:
            predictor.predict(frame)
        except UsageError:
            return


for predictor in predictors * 2:
    threading.Thread(target=work, args=(predictor,), daemon=True).start()
time.sleep(0.3)
faulthandler.cancel_dump_traceback_later()
""",
        steering_bundle,
        runtime,
    )
