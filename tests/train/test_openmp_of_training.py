"""`auxdrive train` in several processes: OpenMP's idle threads sleep in each of them, and a program
that was too early is told.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.machine.openmp import PASSIVE

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="torch's wheels bring GNU's libgomp on Linux"
)

COMMAND = "from auxdrive.cli import main; main()"
LATE = "import torch; from auxdrive.cli import main; main()"


def trained(code: str, data: Path, out: Path, processes: int) -> str:
    """What training in a process of its own says on standard error, libgomp's own settings among
    it.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if name not in PASSIVE},
        "OMP_DISPLAY_ENV": "verbose",
    }
    options = [
        "--data",
        str(data),
        "--method",
        "baseline",
        "--task",
        "steering",
        "--epochs",
        "1",
        "--out",
        str(out),
    ]
    settings = [
        "batch_size=8",
        f"processes={processes}",
        "backbone=pilotnet_bn",
        "preprocessing.size=[64,64]",
    ]
    chosen = [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-c", code, "train", *options, *chosen],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_threads_sleep_in_every_training_process(stripe_data: Path, tmp_path: Path) -> None:
    said = trained(COMMAND, stripe_data, tmp_path / "run", processes=2)
    counts = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", said)
    assert len(counts) >= 3  # the command's own process, and one per rank
    assert set(counts) == {"0"}
    assert "torch was imported before" not in said


def test_a_program_that_imports_torch_first_is_told(stripe_data: Path, tmp_path: Path) -> None:
    said = " ".join(trained(LATE, stripe_data, tmp_path / "run", processes=1).split())
    assert "torch was imported before auxdrive_train" in said
    assert "OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0" in said
