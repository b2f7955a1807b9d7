"""What stands on another machine: it refuses a machine that cannot do the jobs, and tells how the
machine differs.
"""

from __future__ import annotations

import logging
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from auxdrive.errors import UsageError, WorkerDied
from auxdrive.machine.jobs import Reply
from auxdrive.machine.relay import Relay, versions


def relay(order: bytes, folder: Path, **other: str) -> Relay:
    return Relay(order, logging.WARNING, str(folder), {**versions(), **other})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_another_auxdrive_is_refused_and_another_package_is_told(folder: Path) -> None:
    order = pickle.dumps(list)
    with pytest.raises(UsageError, match=r"it has auxdrive \S+, and 0\.0\.9 hands out the jobs"):
        relay(order, folder, auxdrive="0.0.9")
    assert relay(order, folder).warning == ""
    assert "numpy" in (warning := relay(order, folder, numpy="1.0").warning)
    assert "instead of 1.0" in warning


def test_what_a_machine_lacks_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "only_here.py").write_text("class Worker: pass\n")
    monkeypatch.syspath_prepend(str(folder))
    import only_here  # type: ignore[import-not-found]

    order = pickle.dumps(only_here.Worker)
    (folder / "only_here.py").unlink()
    monkeypatch.delitem(sys.modules, "only_here")
    with pytest.raises(UsageError, match=r"lacks a package that is installed here: .*only_here"):
        relay(order, folder)


def test_relative_paths_begin_in_the_folder_of_the_command_where_the_machine_has_it(
    folder: Path,
) -> None:
    (folder / "here").mkdir()
    relay(pickle.dumps(list), folder / "here")
    assert Path.cwd() == folder / "here"
    relay(pickle.dumps(list), folder / "nowhere")
    assert Path.cwd() == folder / "here"


HELPER = """
import logging, os
class Worker:
    def __call__(self, job):
        if job < 0:
            os._exit(3)
        logging.getLogger("auxdrive_eval").warning("job %s", job)
        return 2 * job
    def close(self):
        pass
class Refusing(Worker):
    def check_machine(self):
        from auxdrive.errors import UsageError
        raise UsageError("there is no data")
    def __call__(self, *job):
        raise AssertionError("it was asked")
refusing = Refusing()
"""


def test_a_death_costs_one_job_and_records_come_before_the_result(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "doubling.py").write_text(HELPER)
    monkeypatch.syspath_prepend(str(folder))
    import doubling  # type: ignore[import-not-found]

    with pytest.raises(UsageError, match="there is no data"):
        relay(pickle.dumps(doubling.refusing), folder)
    made = relay(pickle.dumps(doubling.Worker), folder)

    def done(job: int) -> list[Any]:
        return [
            received.getMessage() if isinstance(received, logging.LogRecord) else received
            for received in made.do(job)
        ]

    try:
        assert done(2) == ["job 2", Reply(value=4)]
        (died,) = done(-1)
        assert isinstance(died.error, WorkerDied)
        assert str(died.error).endswith(": its process died (exit code 3)")
        assert done(3) == ["job 3", Reply(value=6)]
    finally:
        made.close()
