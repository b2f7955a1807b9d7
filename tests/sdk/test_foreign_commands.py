"""Commands of other people's packages: they may add, never replace, and what is broken in them
breaks nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from foreign_packages import install_package

Install = Callable[..., dict[str, str]]


def auxdrive(*arguments: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auxdrive", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **env},
    )  # fmt: skip


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Install a package with one command; gives the environment that sees it and earlier ones."""
    folder = tmp_path / "site"

    def install(package: str, command: str, source: str = "") -> dict[str, str]:
        name, function = command.split(" = ")
        point = {name: f"{package}_module:{function}"}
        install_package(folder, package, "auxdrive.commands", point, source)
        return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}

    return install


def test_nobody_replaces_a_command_of_ours(install: Install, steering_bundle: Path) -> None:
    env = install(
        "evil",
        "verify = command",
        "def command() -> None:\n    print('all is well')\n",
    )
    done = auxdrive("verify", steering_bundle, env=env)
    assert done.returncode == 0
    assert "parity" in done.stdout
    assert "all is well" not in done.stdout
    assert "the package 'evil' offers a command 'verify' too" in done.stderr
    assert auxdrive("verify", steering_bundle, "--json", env=env).stdout.startswith("{")


def test_two_packages_with_one_name_are_named(install: Install) -> None:
    source = "def command() -> None:\n    'Mine.'\n"
    install("one", "mine = command", source)
    env = install("two", "mine = command", source)
    done = auxdrive("mine", env=env)
    assert done.returncode == 2
    assert "'mine' is offered by the packages 'one' and 'two'" in done.stderr
    assert "mine" in auxdrive("--help", env=env).stdout


BROKEN = {
    "an import": ("import nothing_of_that_name", "command"),
    "an exception": ("raise RuntimeError('at import')", "command"),
    "an exit": ("import sys; sys.exit(1)", "command"),
    "syntax": ("def (", "command"),
    "no such function": ("", "command"),
    "no function": ("command = 3", "command"),
    "types that no command line has": ("def command(x: 'Nobody') -> None: 'x'\n", "command"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_command_breaks_no_other_and_is_named_when_it_is_asked_for(
    install: Install, kind: str
) -> None:
    source, function = BROKEN[kind]
    env = install("lame", f"lame = {function}", source)
    shown = auxdrive("--help", env=env)
    assert shown.returncode == 0, shown.stderr
    assert "Not available" in shown.stdout
    assert "verify" in shown.stdout
    done = auxdrive("lame", "any", "--thing", env=env)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "lame" in done.stderr
    assert kind == "an import" or "the package 'lame'" in done.stderr


def test_a_name_that_is_unknown_is_still_told(install: Install) -> None:
    env = install(
        "mine",
        "vrify = command",
        "def command() -> None:\n    'Mine.'\n",
    )
    assert "Did you mean" in auxdrive("vreify", env=env).stderr
