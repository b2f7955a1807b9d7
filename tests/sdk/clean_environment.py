"""Environments of their own: of Python, for tests of what is installed; of a process, for tests of
what it sends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=env,
        timeout=300,
        check=False,
    )


def environment_with(home: Path, *requirements: str, extra: str = "") -> Path:
    """The interpreter of a new environment with this checkout (and an extra of it) and what else is
    asked for; the test is skipped without a registry.
    """
    assert run(sys.executable, "-m", "venv", home).returncode == 0
    interpreter = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    installed = run(
        interpreter,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *requirements,
        f"{ROOT}[{extra}]" if extra else ROOT,
    )
    if installed.returncode != 0:
        reached = run(
            interpreter,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            home.parent,
            "typer",
        )
        if reached.returncode != 0:
            pytest.skip("pip reaches no package registry here")
        pytest.fail(installed.stderr)
    return interpreter


def without_ci(home: Path, **more: str) -> dict[str, str]:
    """An environment in which a process would send what it sends, with every folder that it may
    write to under `home`.
    """
    kept = {
        name: os.environ[name]
        for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
        if name in os.environ
    }
    folders = {
        name: str(home)
        for name in (
            "HOME",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
        )
    }
    return {**kept, **folders, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}
