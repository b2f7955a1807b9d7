"""Pipes instead of files, unusual names, copies beside episodes: `drive` and `collect` report them,
or continue.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from auxdrive.cli import run
from auxdrive.errors import DataError
from auxdrive_eval.routes import load_routes

NAMES = ["n" * 300, os.fsdecode(b"\xff\xfe"), "a\nb\x1b[2J"]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
def test_routes_are_not_read_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "routes.xml")
    with pytest.raises(DataError, match="is a pipe"):
        load_routes(tmp_path / "routes.xml")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "command",
    [
        ("drive", "{}", "--out", "{out}"),
        ("drive", "expert", "--routes", "{}", "--out", "{out}"),
        ("collect", "--frames", "1", "--workers", "0", "--out", "{}"),
    ],
)
def test_odd_names_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, command: tuple[str, ...]
) -> None:
    assert run([word.format(tmp_path / name, out=tmp_path / "out") for word in command]) == 2
    told = capsys.readouterr().err
    assert "error: " in told
    assert "Traceback" not in told
    assert "\x1b" not in told


def test_a_copy_beside_an_episode_is_none_of_the_recording(tmp_path: Path) -> None:
    out = tmp_path / "data"
    common = ["collect", "--out", str(out), "--max-episode-s", "3", "--json"]
    assert run([*common, "--episodes", "1"]) == 0
    (first,) = [entry for entry in (out / "episodes").iterdir() if not entry.name.startswith(".")]
    for copy in (
        f"{first.name}.bak",
        f"{first.name}0000000000",
        f"{first.name[:-5]}0{first.name[-5:]}",
    ):
        shutil.copytree(first, first.with_name(copy))
    os.mkdir(os.fsencode(first.parent) + b"/\xff")
    assert run([*common, "--episodes", "2"]) == 0
    assert first.is_dir()
