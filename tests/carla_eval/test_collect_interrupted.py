"""Recording that is killed, whose disk is full or whose folder cannot be made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError
from auxdrive_eval.collecting import recorder
from auxdrive_eval.collecting.collect import Collected, collect
from auxdrive_eval.simulators.base import SimulationCrashed, Simulator
from auxdrive_eval.simulators.settings import make_simulator
from small_recording import settings, tree

RUN = "import sys; from auxdrive.cli import main; main()"
SMALL = [
    "--size",
    "48x32",
    "--traffic",
    "2",
    "--modalities",
    "rgb,depth",
    "--seed",
    "3",
    "--route-seeds",
    "5,6",
    "--max-episode-s",
    "2",
]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_recording_is_readable_and_goes_on(
    recorded: Collected, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "data"
    command = [
        sys.executable,
        "-c",
        RUN,
        "collect",
        "--out",
        str(out),
        *SMALL,
        "--episodes",
        "2",
        "--workers",
        str(workers),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not (
            list((out / "episodes").glob("s3-*")) and list((out / "episodes").glob(".partial-*"))
        ):
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    if workers == 1:
        assert list((out / "episodes").glob(".partial-*"))  # what a killed process leaves
    assert Dataset.open(out).episode_ids
    resumed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert tree(out) == tree(recorded.out)


def test_a_full_disk_is_an_error_and_leaves_whole_episodes(tmp_path: Path) -> None:
    """A limit on file size stands for the disk: the write fails in the same place, with EFBIG."""
    out = tmp_path / "data"
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); " + RUN
    command = [
        sys.executable,
        "-c",
        limited,
        "collect",
        "--out",
        str(out),
        *SMALL,
        "--episodes",
        "2",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "400"}
    )
    assert done.returncode == 2
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((out / "episodes").iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        collect(settings(), tmp_path / "file" / "data")


def test_a_simulator_that_crashes_as_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter([SimulationCrashed("the server ended as it started")])

    def made(*given: object, **more: object) -> Simulator:
        for crash in tries:
            raise crash
        return make_simulator(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder, "make_simulator", made)
    assert collect(settings(episodes=1), tmp_path / "data").episodes == 1
