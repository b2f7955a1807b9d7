"""The command line in processes of its own, for the tests of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

NO_COMMAND_LINE = (
    "error: the command line needs the extra 'cli', which is not installed. Install it: "
    "pip install 'auxdrive[cli]'"
)


def auxdrive(
    *arguments: object, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as `auxdrive ...` does."""
    return subprocess.run(
        [sys.executable, "-c", "from auxdrive.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(env or {})},
    )  # fmt: skip


def refused(run: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """What a command said that refused; it ended with this code and without a traceback."""
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == "" or code == 1
    return run.stderr


def write_frame(path: Path) -> Path:
    """An image of the size that the bundles' camera has."""
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(image).save(path)
    return path
