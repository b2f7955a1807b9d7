"""The fuzzers of graphs, cards and the envelope, a few hundred cases of each: what they count, the
reader and the onnx package never disagree on.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz"


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        (
            "graphs",
            500,
            {
                "reader and onnx agree",
                "reader refuses",
                "bundle verifies",
                "bundle fails: model.onnx: graph",
            },
        ),
        ("cards", 500, {"accepted", "BundleError"}),
        ("envelope", 300, {"ends driving", "ends stop", "ends override", "ends InputError"}),
    ],
)
def test_nothing_but_expected_outcomes_comes_out(
    name: str, count: int, expected: set[str], tmp_path: Path
) -> None:
    out = tmp_path / "result.json"
    command = [
        sys.executable,
        str(FUZZ / f"{name}.py"),
        "--count",
        str(count),
        "--seed",
        "7",
        "--out",
        str(out),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]
    result = json.loads(out.read_text())
    assert (result["count"], result["failed"]) == (count, 0)
    assert expected <= result["outcomes"].keys()
