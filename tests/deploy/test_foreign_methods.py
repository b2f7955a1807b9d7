"""A method of somebody else's package: trained, exported and named in help by the same commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.cli import run
from auxdrive.errors import ConfigError
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.methods import METHODS
from foreign_packages import install_package

SOURCE = """
from auxdrive_train.methods.baseline import Baseline


class Plain(Baseline):
    name = "plain"


class Samd(Baseline):
    name = "samd"


nothing = 3
"""
POINTS = {
    "plain": "methods_of_others_module:Plain",
    "samd": "methods_of_others_module:Samd",
    "lame": "methods_of_others_module:nothing",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_package(tmp_path, "methods_of_others", "auxdrive.methods", POINTS, SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_commands_train_and_export_it(site: Path, small_data: Path, tmp_path: Path) -> None:
    trained = run(
        ["train", "--data", str(small_data), "--method", "plain", "--epochs", "1",
         "--out", str(tmp_path / "run"), "--set", "preprocessing.size=[64, 80]",
         "--set", "batch_size=8", "--set", "threads=1"]
    )  # fmt: skip
    assert trained == 0
    assert run(["export", str(tmp_path / "run"), "--out", str(tmp_path / "bundle")]) == 0
    card = json.loads((tmp_path / "bundle" / "card.json").read_text())
    assert card["training"]["method"] == "plain"


def test_help_names_it(site: Path) -> None:
    env = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(site)}
    shown = subprocess.run(
        [sys.executable, "-m", "auxdrive", "train", "--help"],
        capture_output=True, text=True, check=True, env=env,
    ).stdout  # fmt: skip
    names = ", ".join([*(method.name for method in METHODS.builtin), "lame", "plain"])
    assert names in " ".join(shown.replace("│", " ").split())


def test_mistakes_with_methods_are_told_with_all_others(site: Path, small_data: Path) -> None:
    def told(**values: object) -> str:
        with pytest.raises(ConfigError) as refused:
            parse_config({"data": str(small_data), **values})
        return str(refused.value)

    install_package(
        site, "tasks_of_others", "auxdrive.training_tasks", {"odd": "tasks_of_others_module:x"}, ""
    )
    odd = told(method="lame", task="odd")
    assert "'odd' of the package 'tasks-of-others' cannot be loaded" in odd
    assert "'lame' of the package 'methods-of-others' cannot be loaded" in odd
    lame = told(method="lame", backbone="pilotnett", lr=-1)
    assert "'lame' of the package 'methods-of-others' cannot be loaded" in lame
    assert "3 is no method" in lame
    assert "lr" in lame
    assert "Did you mean 'pilotnet'" in told(method="lame", backbone="pilotnett")
    assert "Did you mean 'plain'" in told(method="plane")


def test_a_method_of_ours_stays_ours(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    from auxdrive_train.methods.samd import SAMD

    METHODS._warned.clear()  # a process is told once
    assert METHODS["samd"] is SAMD
    assert "the package 'methods-of-others' offers a method 'samd' too" in caplog.text
