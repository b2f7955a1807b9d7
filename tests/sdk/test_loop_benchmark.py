"""`benchmarks/loop.py` tells the driving loop's own misses from those of the machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
from loop import Empty, compared  # noqa: E402 (scripts are no package)


def test_misses_are_the_machines_where_an_empty_loop_missed_one_too() -> None:
    quiet = Empty(0, late=[(130.1, 0.03)])
    shaken = Empty(1, missed_at_s=[110.4])
    found = compared([110.0, 120.0, 130.0], [quiet, shaken], beside_s=0.5, began_s=100.0)
    assert found == {
        "times_at_which_it_missed_deadlines": 3,
        "of_these_no_empty_loop_missed_one": 2,
        "these": [
            {"after_s": 20.0, "an_empty_loop_was_late_by_ms": 0.0},
            {"after_s": 30.0, "an_empty_loop_was_late_by_ms": 30.0},
        ],
    }


def test_a_driving_process_that_stands_still_misses_deadlines_of_its_own(
    waypoint_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "loop.json"
    command = [sys.executable, BENCHMARKS / "loop.py", waypoint_bundle, "--out", out]
    with subprocess.Popen(
        [*command, "--seconds", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "the drive begins" in process.stderr.readline()
        time.sleep(2.0)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(1.5)
        process.terminate()  # a drive that is ended early is measured until then
        assert process.wait(30) == 0
    result = json.loads(out.read_text())
    assert result["driving"]["missed"] >= 6
    assert result["driving"]["running_s"] < 30
    assert result["of_these_no_empty_loop_missed_one"] >= 1
    assert len(result["empty"]) == len(os.sched_getaffinity(0))
    assert all(each["ticks"] > 20 for each in result["empty"])
