"""Jobs on several processes: order does not matter, errors and deaths come out, an early end leaves
no process.
"""

from __future__ import annotations

import logging
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from auxdrive.errors import DataError, MissingExtra, UsageError, WorkerDied
from auxdrive.machine.processes import is_running
from auxdrive.machine.worker_processes import portable_error
from auxdrive.machine.workers import run_each, run_jobs

HELPER = '''
import logging, os, time
from auxdrive.errors import DataError, MissingExtra

class Squares:
    """Squares numbers; some numbers are special."""
    def __call__(self, job):
        if job == -1:
            raise DataError("the disk is full")
        if job == -2:
            raise MissingExtra("this", "sim")
        if job == -3:
            raise KeyError("a defect")
        if job == -4:
            os._exit(3)
        if job == -5:
            time.sleep(600)
        if job == 6:
            logging.getLogger("auxdrive_eval.squares").info("%s is a lot", job)
        return job * job
    def close(self):
        pass
'''


ORPHANS = """
import sys
from auxdrive.machine.workers import run_jobs
from squares_for_workers import Squares
if __name__ == "__main__":
    for job, result in run_jobs(Squares, [2, -5, -5], 2):
        print(job, flush=True)
"""


def children_of(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="finds the worker processes in /proc"
)
def test_workers_end_with_a_parent_that_is_killed(squares: Any, tmp_path: Path) -> None:
    """Else they would publish their results while the next run does the same jobs."""
    (tmp_path / "orphans.py").write_text(ORPHANS)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "orphans.py")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == "2\n"
        workers = [
            pid
            for pid in children_of(parent.pid)
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(workers) == 2
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def squares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A worker in a module that spawned processes can import."""
    (tmp_path / "squares_for_workers.py").write_text(HELPER)
    monkeypatch.syspath_prepend(str(tmp_path))
    import squares_for_workers  # type: ignore[import-not-found]

    return squares_for_workers.Squares


@pytest.mark.parametrize("workers", [1, 3])
def test_every_job_is_done_once(squares: Any, workers: int) -> None:
    assert dict(run_jobs(squares, range(7), workers)) == {n: n * n for n in range(7)}
    assert list(run_jobs(squares, [], workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_job_logs_is_logged_here(
    squares: Any, workers: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dict(run_jobs(squares, [5, 6], workers)) == {5: 25, 6: 36}
    assert caplog.messages == []  # nobody asked for what is of less weight than a warning
    with caplog.at_level(logging.INFO, logger="auxdrive_eval"):
        assert dict(run_jobs(squares, [5, 6], workers)) == {5: 25, 6: 36}
    assert caplog.messages == ["6 is a lot"]
    assert capfd.readouterr() == ("", "")


def test_the_next_job_is_asked_for_when_a_result_was_seen(squares: Any) -> None:
    seen: list[int] = []

    def jobs() -> Any:
        number = 0
        while len(seen) < 3:
            yield number
            number += 1

    for job, _ in run_jobs(squares, jobs(), 2):
        seen.append(job)
    assert 3 <= len(seen) <= 4  # one other may have been begun


@pytest.mark.parametrize(
    ("job", "error", "message"),
    [
        (-1, DataError, "the disk is full"),
        (-2, UsageError, "needs the extra 'sim'"),
        (-3, RuntimeError, r"(?s)in a worker process:.*KeyError: 'a defect'"),
        (-4, WorkerDied, "a worker process died"),
    ],
)
def test_what_goes_wrong_in_a_process_comes_out(
    squares: Any, job: int, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        list(run_jobs(squares, [1, job, -5], 2))
    assert multiprocessing.active_children() == []


def test_leaving_early_ends_the_processes(squares: Any) -> None:
    for _, result in run_jobs(squares, [3, -5], 2):
        assert result == 9
        break
    assert multiprocessing.active_children() == []


def test_errors_become_portable() -> None:
    error = portable_error(MissingExtra("x", "sim"))
    assert (type(error), error.exit_code) == (UsageError, 2)
    assert type(portable_error(DataError("d"))) is DataError


@pytest.mark.parametrize("workers", [1, 2])
def test_of_each_job_comes_its_result_or_its_error_and_the_others_go_on(
    squares: Any, workers: int
) -> None:
    found = dict(run_each(squares, [2, -1, -3, -4, 3, 4, 5], workers))
    assert {job: found[job] for job in (2, 3, 4, 5)} == {2: 4, 3: 9, 4: 16, 5: 25}
    assert str(found[-1]) == "the disk is full"
    assert isinstance(found[-3], RuntimeError)
    assert "KeyError: 'a defect'" in str(found[-3])
    assert isinstance(found[-4], WorkerDied)
    assert multiprocessing.active_children() == []
