"""One process at a time fills a folder: real processes, a killed one, and file systems without
locks.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.errors import UsageError
from auxdrive.storage.folders import LOCK_NAME, held, refuse_occupied

pytest.importorskip("filelock")

HOLD = """
import sys, pathlib
from auxdrive.storage.folders import held
with held(pathlib.Path(sys.argv[1]), beside=bool(int(sys.argv[2]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, beside: bool) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(int(beside))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("beside", [False, True])
def test_a_second_process_is_refused_until_the_first_ends_or_is_killed(
    tmp_path: Path, beside: bool
) -> None:
    folder = tmp_path / "out"
    for end in ("leaves", "is killed"):
        process = holder(folder, beside)
        try:
            with (
                pytest.raises(UsageError, match="another process is writing there"),
                held(folder, beside=beside),
            ):
                pass
        finally:
            if end == "leaves":
                process.communicate("")
            else:
                process.kill()
                process.communicate()
        with held(folder, beside=beside):  # what a killed process left behind holds nobody up
            pass
        refuse_occupied(folder)


def test_a_folder_into_which_nothing_was_put_is_gone_again(tmp_path: Path) -> None:
    with held(tmp_path / "new" / "out"):
        assert (tmp_path / "new" / "out").is_dir()
    assert not (tmp_path / "new" / "out").exists()
    with held(tmp_path / "filled"):
        (tmp_path / "filled" / "file").touch()
    assert sorted(entry.name for entry in (tmp_path / "filled").iterdir()) == [LOCK_NAME, "file"]
    (tmp_path / "there").mkdir()
    with held(tmp_path / "there"):
        pass
    assert (tmp_path / "there").is_dir()


def test_beside_leaves_nothing(tmp_path: Path) -> None:
    with held(tmp_path / "bundle", beside=True):
        assert not (tmp_path / "bundle").exists()
        (tmp_path / "bundle").mkdir()
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.skipif(os.name != "posix", reason="flock is POSIX")
@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EIO]
)
def test_where_a_file_system_has_no_locks_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    import fcntl

    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", none)
    done = False
    with held(tmp_path / "out"):
        done = True
    assert done
    assert "this file system has no locks" in caplog.text


def test_the_same_process_cannot_hold_twice(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(UsageError, match="another process"), held(tmp_path):
        pass
