"""Where a measured number comes from: command, machine, load, versions, commit and time, written
beside it in benchmarks/results/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auxdrive.machine.facts import installed_version, machine_facts

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("auxdrive", "numpy", "onnxruntime", "panda3d", "torch")


def write_result(out: Path, results: Mapping[str, Any]) -> dict[str, Any]:
    """Write the results and where they come from as JSON; returns the same."""
    provenance = {
        "command": " ".join(["python", script(), *(shown(argument) for argument in sys.argv[1:])]),
        "machine": machine_facts(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "versions": {name: installed_version(name) for name in PACKAGES},
        "commit": commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    result = {**results, **provenance}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    return result


def script() -> str:
    """The script that runs, as it is named from the top of the checkout."""
    path, root = Path(sys.argv[0]).resolve(), Path(__file__).resolve().parents[1]
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def shown(argument: str) -> str:
    """An argument without the folders of this machine: only the last part of a path is kept."""
    return Path(argument).name if os.sep in argument else argument


def commit() -> str | None:
    """The commit, with "+changes" when the working tree is not it. Results themselves are no
    change. Outside a checkout, as in a copy on another machine, what AUXDRIVE_COMMIT says, or None.
    """
    root = Path(__file__).resolve().parents[1]
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        status = ["git", "status", "--porcelain", "-uno", "--", ".", ":!benchmarks/results"]
        changed = subprocess.run(
            status, cwd=root, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("AUXDRIVE_COMMIT")
    return head + ("+changes" if changed.strip() else "")
