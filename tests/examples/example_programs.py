"""Where the examples are, and how the tests run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, *words: object) -> str:
    """Run one as a user does, with warnings as errors: what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *map(str, words)],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
