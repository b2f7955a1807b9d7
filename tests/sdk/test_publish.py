"""What is published appears whole or not at all, and one module alone publishes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.storage.publish import (
    clean_partials,
    partial_of,
    published_file,
    published_folder,
    write_new,
)

ROOT = Path(__file__).resolve().parents[2]


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with published_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names_in(tmp_path) == ["file"]


def test_a_file_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted() -> None:
        with published_file(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file"]


def test_a_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with published_folder(out) as folder:
        write_new(folder / "inner" / "file", b"1")
        assert not out.exists()
    assert (out / "inner" / "file").read_bytes() == b"1"
    assert names_in(tmp_path) == ["out"]


def test_a_folder_that_fails_is_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def twice() -> None:
        with published_folder(out) as folder:
            write_new(folder / "file", b"1")
            write_new(folder / "file", b"2")

    with pytest.raises(OSError, match="exists"):
        twice()
    assert names_in(tmp_path) == []


def test_a_folder_is_replaced_only_where_that_was_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_new(out / "file", b"old")
    with pytest.raises(OSError, match=r"(?i)not empty|exists"), published_folder(out) as folder:
        write_new(folder / "file", b"new")
    assert (out / "file").read_bytes() == b"old"
    with published_folder(out, partial_of(out), replace=True) as folder:
        write_new(folder / "file", b"new")
    assert (out / "file").read_bytes() == b"new"
    assert names_in(tmp_path) == ["out"]


def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(
    tmp_path: Path,
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f".partial-route-{gone.pid}").mkdir()
    write_new(tmp_path / f".partial-route-{gone.pid}" / "file", b"half")
    (tmp_path / f".partial-edge.npy-{gone.pid}").write_bytes(b"half")
    partial_of(tmp_path / "ours").write_bytes(b"half")
    (tmp_path / ".partial-of-somebody").mkdir()
    assert clean_partials(tmp_path) == (
        f".partial-edge.npy-{gone.pid}",
        f".partial-route-{gone.pid}",
    )
    assert names_in(tmp_path) == [".partial-of-somebody", f".partial-ours-{os.getpid()}"]


@pytest.mark.skipif(sys.platform != "linux", reason="zombies are told from the others on Linux")
def test_a_process_that_ended_and_was_not_collected_owns_nothing(tmp_path: Path) -> None:
    """Whoever killed a run may begin the next before init has collected the first one's workers."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    (tmp_path / f".partial-route-{ended.pid}").mkdir()
    assert clean_partials(tmp_path) == (f".partial-route-{ended.pid}",)
    ended.wait()


def test_one_module_publishes() -> None:
    """Beside it: a log and streams that grow, and ingest, which moves many episodes."""
    renames = re.compile(r"os\.replace\(|os\.rename\(|\.rename\(|os\.fsync\(|\.partial-")
    found = {
        str(path.relative_to(ROOT))
        for package in ("sdk", "train", "deploy", "carla_eval")
        for path in (ROOT / package).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if renames.search(line) and "`" not in line
    }
    assert found == {
        "sdk/auxdrive/storage/publish.py",
        "sdk/auxdrive/storage/arrays.py",
        "sdk/auxdrive/telemetry/base.py",
        "train/auxdrive_train/engine/log.py",
        "train/auxdrive_train/ingest/add.py",
    }
