"""OpenMP's idle threads sleep wherever a package of auxdrive brings torch: read from what libgomp
says of itself in the process.
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

WORKERS = """
import auxdrive_eval  # whose commands record and drive in such workers
from auxdrive.machine.workers import run_jobs

class Agent:
    def __call__(self, job):
        import torch  # as a third party's agent does
        return job

    def close(self):
        pass

if __name__ == "__main__":
    print(sorted(job for job, _ in run_jobs(Agent, range(2), workers=2)))
"""


def spin_counts(code: str, folder: Path, **variables: str) -> list[str]:
    """The spin count of each libgomp that was loaded by the program and the processes that it
    starts.
    """
    script = folder / "program.py"
    script.write_text(code)
    clean = {name: value for name, value in os.environ.items() if name not in PASSIVE}
    environment = {**clean, "OMP_DISPLAY_ENV": "verbose", **variables}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)


@pytest.mark.parametrize("module", ["auxdrive_train.engine.loop", "auxdrive_deploy.student_graph"])
def test_threads_sleep_where_torch_is_imported_by_a_package_of_ours(
    module: str, tmp_path: Path
) -> None:
    assert spin_counts(f"import {module}", tmp_path) == ["0"]


def test_threads_sleep_in_the_processes_of_recording_and_driving(tmp_path: Path) -> None:
    assert spin_counts(WORKERS, tmp_path) == ["0", "0"]


def test_a_users_own_value_wins(tmp_path: Path) -> None:
    assert spin_counts("import auxdrive_train, torch", tmp_path, GOMP_SPINCOUNT="77") == ["77"]
    # Whoever asks for spinning gets it: our count would undo his policy.
    assert spin_counts("import auxdrive_train, torch", tmp_path, OMP_WAIT_POLICY="active") != ["0"]


def test_the_vehicles_package_alone_changes_nothing_in_its_process(tmp_path: Path) -> None:
    assert spin_counts("import auxdrive, torch", tmp_path) != ["0"]


def test_it_is_known_when_torch_came_first(tmp_path: Path) -> None:
    code = (
        "import {}; from auxdrive.machine.openmp import set_too_late; assert set_too_late() is {}"
    )
    assert spin_counts(code.format("torch, auxdrive_train", True), tmp_path) != ["0"]
    assert spin_counts(code.format("auxdrive_train, torch", False), tmp_path) == ["0"]
