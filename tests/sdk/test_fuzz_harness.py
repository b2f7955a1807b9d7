"""The fuzzers' harness finds what it looks for: foreign errors, dead workers and hangs; and the
fuzzer of observations runs on it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz"

BAD = """
import os, time
from auxdrive.errors import InputError
from harness import Fuzzer, main

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

import harness
class Source:
    def __init__(self, index): self.first = index
harness.source = lambda seed, index: Source(index)
if __name__ == "__main__":
    main("bad", setup, "bad", count=50, deadline_s=2)
"""


def fuzz(script: Path, out: Path, *options: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, str(script), "--out", str(out), *options]
    env = {"PYTHONPATH": str(FUZZ), "PATH": "", "CI": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, timeout=120, check=False
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
