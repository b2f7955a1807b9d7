"""The fuzzers' harness finds what it looks for: foreign errors, dead workers, hangs and lost
memory; a run can be ended and gone on with. Fuzzers run on it: observations, data sets, drives.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz"
sys.path.insert(0, str(FUZZ))
from harness import left, merged, shared_out  # noqa: E402 (scripts are no package)

BAD = """
import os, time
from auxdrive.errors import InputError
from harness import main
from workers import Fuzzer

def check(case):
    if case % 10 == 3:
        raise InputError("ours")
    if case == 14:
        raise KeyError("not ours")
    if case == 25:
        os.abort()
    if case == 36:
        time.sleep(60)
    if case == 41 and not os.path.exists("MARKER"):
        open("MARKER", "x").close()
        time.sleep(60)
    return "fine"

def setup(arguments):
    return Fuzzer(draw=lambda source: source.first, check=check)

import workers
class Source:
    def __init__(self, index): self.first = index
workers.source = lambda seed, index: Source(index)
if __name__ == "__main__":
    main("bad", setup, "bad", count=50, deadline_s=2)
"""

SLOW = """
import time
from harness import main
from workers import Fuzzer

held = []

def check(case):
    time.sleep(0.02)
    if case == 20:
        open("MARKER", "x").close()
    held.append(b"x" * 100_000)
    return f"case {case}"

def setup(arguments):
    return Fuzzer(draw=lambda source: source.first, check=check)

import workers
class Source:
    def __init__(self, index): self.first = index
workers.source = lambda seed, index: Source(index)
if __name__ == "__main__":
    main("slow", setup, "slow", count=300, inputs_per_case=7, most_growth_mib=MOST)
"""


def command_of(script: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, str(script), "--out", str(out), *options]


ENVIRONMENT = {"PYTHONPATH": str(FUZZ), "PATH": "", "CI": "1"}


def fuzz(script: Path, out: Path, *options: str) -> tuple[int, dict[str, Any]]:
    command = command_of(script, out, *options)
    done = subprocess.run(
        command, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False
    )
    assert out.exists(), done.stderr
    return done.returncode, json.loads(out.read_text())


def test_it_finds_foreign_errors_dead_workers_and_hangs(tmp_path: Path) -> None:
    script = tmp_path / "bad.py"
    script.write_text(BAD.replace("MARKER", str(tmp_path / "was_late")))
    code, result = fuzz(script, tmp_path / "out.json")
    assert code == 1
    assert (result["count"], result["failed"]) == (50, 3)
    assert result["outcomes"] == {
        "fine": 42,
        "InputError": 5,
        "KeyError (no AuxdriveError)": 1,
        "worker died": 1,
        "hang": 1,
    }
    assert [
        (failure["index"], failure["outcome"].split()[0]) for failure in result["failures"]
    ] == [
        (14, "KeyError"),
        (25, "worker"),
        (36, "hang"),
    ]
    assert result["late_once"] == [41]
    assert result["peak_memory_mib"] > 1


def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    script, out = tmp_path / "slow.py", tmp_path / "out.json"
    marker = tmp_path / "begun"
    script.write_text(SLOW.replace("MOST", "None").replace("MARKER", str(marker)))
    with subprocess.Popen(
        command_of(script, out, "--workers", "2"), env=ENVIRONMENT, stderr=subprocess.DEVNULL
    ) as first:
        while not marker.exists():
            time.sleep(0.05)
        first.send_signal(signal.SIGTERM)
        assert first.wait(30) == 0
    before = json.loads(out.read_text())
    assert 0 < before["count"] < 300
    assert before["count"] == sum(last - begin for begin, last in before["ranges"])
    code, result = fuzz(script, out, "--workers", "2", "--resume")
    assert (code, result["ranges"], result["inputs"]) == (0, [[0, 300]], 2100)
    # each case once, over both runs
    assert result["outcomes"] == {f"case {index}": 1 for index in range(300)}
    assert result["wall_s"] > before["wall_s"]
    code, again = fuzz(script, out, "--resume")  # nothing is left to do
    assert (code, again["count"]) == (0, 300)
    done = subprocess.run(
        command_of(script, out, "--resume", "--seed", "1"),
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "results of different code are not summed" in done.stderr


def test_a_worker_that_loses_memory_is_a_failure(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW.replace("MOST", "8.0").replace("MARKER", str(tmp_path / "begun")))
    code, result = fuzz(script, tmp_path / "out.json")
    assert (code, result["failed"]) == (1, 0)
    (memory,) = result["memory_mib"]
    assert memory["start"] < memory["middle"] < memory["end"]
    assert result["growth_mib"] > 15  # of 30 MB, but what was held before the first look


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ([], [(0, 100)]),
        ([(0, 100)], []),
        ([(50, 60), (0, 10)], [(10, 50), (60, 100)]),
        ([(0, 30), (20, 40), (40, 50), (90, 200)], [(50, 90)]),
        ([(100, 120)], [(0, 100)]),
    ],
)
def test_what_is_left_of_the_cases(
    done: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    assert left((0, 100), done) == expected
    within = [(min(first, 100), min(last, 100)) for first, last in done]
    assert merged(expected + within) == [(0, 100)]


def test_cases_are_shared_out_among_the_workers() -> None:
    assert shared_out([(0, 100)], 4) == [(0, 25), (25, 50), (50, 75), (75, 100)]
    assert sorted(shared_out([(0, 10), (20, 100)], 3)) == [(0, 10), (20, 60), (60, 100)]
    assert shared_out([(0, 10), (20, 100)], 1) == [(0, 10), (20, 100)]
    assert shared_out([(3, 4)], 4) == [(3, 4)]
    assert shared_out([], 4) == []


def test_hostile_data_sets_are_read_or_refused(tmp_path: Path) -> None:
    code, result = fuzz(
        FUZZ / "datasets.py", tmp_path / "out.json", "--count", "200", "--seed", "7"
    )
    assert code == 0, result["failures"]
    assert set(result["outcomes"]) == {"read", "told what is broken", "DataError"}
    assert result["count"] == 200


def test_hostile_observations_give_predictions_or_errors_of_ours(tmp_path: Path) -> None:
    code, result = fuzz(
        FUZZ / "observations.py", tmp_path / "out.json", "--count", "3000", "--seed", "5"
    )
    assert code == 0, result["failures"]
    assert set(result["outcomes"]) >= {"predicted", "InputError", "input_out_of_range"}
    assert result["count"] == 3000


def test_hostile_drives_give_commands_within_their_limits(tmp_path: Path) -> None:
    code, result = fuzz(
        FUZZ / "envelope.py", tmp_path / "out.json", "--count", "400", "--workers", "2"
    )
    assert code == 0, (result["failures"], result["growth_mib"])
    assert (result["count"], result["inputs"]) == (400, 8000)
    assert set(result["outcomes"]) >= {
        f"ends {mode}" for mode in ("driving", "bridging", "stop", "hold", "slow_straight")
    }
