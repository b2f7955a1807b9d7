"""Kinds of folders that other people's packages bring to `auxdrive inspect`."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_packages import install_package
from inspecting import invoke, summary_of

SOURCE = """
from auxdrive.inspection.base import Inspection

LOG = Inspection(
    what="log",
    known_by="log.txt",
    holds=lambda path: (path / "log.txt").exists(),
    summarise=lambda path: {"kind": "log", "path": str(path), "broken": [], "doubts": ["short"]},
    show=lambda summary: None,
)
"""


def test_a_kind_of_a_package_and_one_that_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, folder, empty = tmp_path / "site", tmp_path / "log", tmp_path / "empty"
    folder.mkdir()
    empty.mkdir()
    (folder / "log.txt").touch()
    monkeypatch.syspath_prepend(str(site))
    install_package(
        site, "alas", "auxdrive.inspections", {"a": "alas_module:A"}, "import missing_x"
    )
    install_package(site, "logs", "auxdrive.inspections", {"log": "logs_module:LOG"}, SOURCE)
    assert summary_of(folder)["kind"] == "log"
    assert "doubtful: short" in invoke(str(folder)).stderr
    told = str(invoke(str(empty)).exception)
    assert "no log (log.txt)" in told
    assert "'a' of the package 'alas' cannot be loaded" in told
