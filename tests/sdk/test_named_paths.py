"""No command takes an empty path for the folder in which it runs."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import get_type_hints

import pytest
from auxdrive import cli
from auxdrive.cli import COMMANDS
from auxdrive.errors import UsageError

COMMANDS_WITH_PATHS = [
    ["bench", "b", "--out", ""],
    ["collect", "--out", ""],
    ["demo", "--out", ""],
    ["diagnose", ""],
    ["drive", "expert", "--out", ""],
    ["evaluate", "run", "--out", ""],
    ["export", "run", "--out", ""],
    ["export", "", "--out", "b"],
    ["ingest", "donkey", "tub", "--out", ""],
    ["inspect", ""],
    ["predict", "bundle", "picture.png", "--out", ""],
    ["run", "bundle", "--camera", "0", "--out", ""],
    ["score", "results.json", "--out", ""],
    ["select", "--data", "data", "--out", ""],
    ["sign", "bundle", "--key", ""],
    ["sweep", "--data", "data", "--out", ""],
    ["train", "--data", "data", "--out", ""],
    ["train", "--data", ""],
    ["train", "--data", "data", "--init-from", ""],
    ["verify", ""],
    ["verify", "bundle", "--key", ""],
]


@pytest.mark.parametrize("arguments", COMMANDS_WITH_PATHS, ids=" ".join)
def test_an_empty_path_is_told_and_nothing_is_done(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "is empty; give a path, or . for the folder that you are in" in told
    assert not list(tmp_path.iterdir())


def test_every_path_of_every_command_is_looked_at() -> None:
    """Also of commands that other packages bring."""
    looked_at = 0
    for name in COMMANDS:
        command = cli._command_of(name)
        hints = get_type_hints(inspect.unwrap(command.callback))
        for parameter in command.params:
            if "Path" in str(hints.get(parameter.name)):
                with pytest.raises(UsageError, match="is empty"):
                    parameter.handle_parse_result(
                        SimpleNamespace(resilient_parsing=False), {parameter.name: ""}, []
                    )
                looked_at += 1
    assert looked_at > 20
