"""Shell completion: commands, options and names, in a real bash, without torch and in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.cli import COMMANDS
from auxdrive.commands.completing import one_of, some_of
from auxdrive.extras import EXTRA_OF_COMMAND
from auxdrive.registry import Registry

BASH = shutil.which("bash")
COMMAND = Path(sys.executable).parent / "auxdrive"
needs_bash = pytest.mark.skipif(
    BASH is None or not COMMAND.exists(), reason="needs bash and an installed `auxdrive`"
)


def complete(*words: str) -> list[str]:
    """What `auxdrive` offers after these words, the last of which is being typed; it must load no
    torch and write nothing else.
    """
    code = (
        "import sys\nfrom auxdrive.cli import run\n"
        "try:\n    run([])\nfinally:\n    assert 'torch' not in sys.modules\n"
    )
    asked = {"COMP_WORDS": " ".join(("auxdrive", *words)), "COMP_CWORD": str(len(words))}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, **asked, "_AUXDRIVE_COMPLETE": "complete_bash"},
    )  # fmt: skip
    assert found.stderr == ""
    return found.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("tr",), ["train"]),
        (("train", "--init"), ["--init-from"]),
        (("train", "--method", "sel"), ["self_distillation", "selection"]),
        (("train", "--aux", "lidar,de"), ["lidar,depth"]),
        (("train", "--task", "w"), ["waypoints"]),
        (("train", "--track", "wandb,t"), ["wandb,tensorboard"]),
        (("train", "--verb"), ["--verbose"]),
        (("train", "--backbone", "resnet3"), ["resnet34"]),
        (("ingest", "don"), ["donkey"]),
        (("verify", "--runtime", "onnx"), ["onnxruntime"]),
        (("verify", "--runtime-option", "sp"), ["spinning="]),
        (("verify", "--runtime", "none", "--runtime-option", "sp"), []),
        (("drive", "b", "--controller", "pure"), ["pure_pursuit"]),
        (("drive", "b", "--sim", "e"), ["embedded"]),
        (("collect", "--modalities", "rgb,dep"), ["rgb,depth"]),
        (("trian", "--me"), []),
    ],
)
def test_commands_options_and_names_are_offered(words: tuple[str, ...], offered: list[str]) -> None:
    assert complete(*words) == offered


def test_names_are_those_of_the_table_when_it_is_asked() -> None:
    table: Registry[object] = Registry("thing", "auxdrive.things", {"lamp": "json:dumps"})
    offer = one_of(table)
    assert offer("l") == ["lamp"]
    table.add("leaf", object())
    assert offer("l") == ["lamp", "leaf"]
    assert some_of(["ab", "ac"])("ab,a") == ["ab,ac"]  # none is offered twice


@needs_bash
def test_a_shell_completes_with_what_is_installed(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}",
    }

    def bash(script: str) -> str:
        assert BASH is not None
        done = subprocess.run(
            [BASH, "--norc", "-c", f"{script}\ntrue"],
            capture_output=True, text=True, env=env, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "complete " in bash("auxdrive --show-completion")
    assert "installed" in bash("auxdrive --install-completion")
    assert "auxdrive" in (tmp_path / ".bashrc").read_text()
    typed = "COMP_WORDS=(auxdrive train --method umt); COMP_CWORD=3"
    called = "_auxdrive_completion auxdrive; echo ${COMPREPLY[@]}"
    assert bash(f"source ~/.bashrc; {typed}; {called}").strip() == "umt"


def test_the_package_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auxdrive", "--version"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("auxdrive ")


def test_the_page_of_commands_lists_each_with_its_extra() -> None:
    page = Path(__file__).parents[2] / "docs" / "commands.md"
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    ours = [offer.name for offer in COMMANDS.offers() if offer.is_built_in]
    assert {row[0]: row[2] for row in rows} == {
        name: EXTRA_OF_COMMAND.get(name, "") for name in ours
    }
