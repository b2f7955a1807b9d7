"""The demo in small: it ends with a page, says what it found, goes on after a stop, and refuses other settings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.errors import DataError, UsageError
from auxdrive_eval.demo import stages
from auxdrive_eval.demo.findings import compare
from auxdrive_eval.demo.stages import STATE_NAME, Demo, DemoSettings

SMALL = ("--frames", "300", "--epochs", "2", "--routes", "2")


def demo(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from auxdrive.cli import main; main()", "demo", "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_demo_from_nothing_to_its_page_and_again(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    first = demo(out, *SMALL, "--json")
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    for name in (
        "test part: ADE, m",
        "test part: path's pure-pursuit angle within 7.5° (road wheel), %",
        "closed loop (embedded): Avg. driving score",
        "latency, one thread: p50, ms",
    ):
        assert set(found["table"][name]) == {"baseline", "student", "teacher"}
    page = (out / "report.html").read_text()
    assert found["verdict"] in page.replace("&#x27;", "'")
    assert "no CARLA scores" in page
    # Every stage is kept: the second run only writes the page.
    assert json.loads(demo(out, *SMALL, "--json").stdout)["seconds"] == found["seconds"]
    refused = demo(out, "--frames", "301", "--epochs", "2", "--routes", "2")
    assert refused.returncode == 2
    assert "other settings" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        Demo(tmp_path, DemoSettings())
    assert demo(tmp_path, "--epochs", "3").returncode == 2


def test_too_few_frames_for_three_splits_are_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    refused = demo(tmp_path / "demo", "--frames", "200")
    assert refused.returncode == 2
    assert "frames" in refused.stderr
    assert "250" in refused.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"settings": {}, "done": []}', '{"settings": {}, "recipe": {}, "done": {"collect": 3}}'])
def test_a_damaged_state_is_named(content: str, tmp_path: Path) -> None:
    Demo(tmp_path, DemoSettings())
    (tmp_path / STATE_NAME).write_text(content)
    with pytest.raises(DataError, match=r"demo\.json is damaged"):
        Demo(tmp_path, DemoSettings())


def test_a_demo_of_another_version_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Demo(tmp_path, DemoSettings())
    Demo(tmp_path, DemoSettings())
    monkeypatch.setattr(stages, "TRAINING", (*stages.TRAINING, "lr=0.1"))
    with pytest.raises(UsageError, match="another version"):
        Demo(tmp_path, DemoSettings())


def test_the_verdict_claims_no_more_than_the_interval_allows() -> None:
    import numpy as np

    better = compare(np.full(10, 60.0), np.full(10, 50.0), 0)
    assert (better.mean, better.low, better.high) == (10, 10, 10)
    assert "drives better" in better.verdict
    assert "No difference" in compare(np.array([51.0]), np.array([50.0]), 0).verdict
    assert "No difference" in compare(np.array([51.0, 60.0, 70.0]), np.array([50.0, 50.0, 50.0]), 0).verdict
    assert "drives worse" in compare(np.full(10, 40.0), np.full(10, 50.0), 0).verdict
    mixed = compare(np.array([10.0, 90.0, 50.0]), np.array([90.0, 10.0, 49.0]), 0)
    assert mixed.low < 0 < mixed.high
    assert "No difference" in mixed.verdict
