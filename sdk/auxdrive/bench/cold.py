"""A fresh process: how long it takes from the import to the first command, and how much memory it
then needs. What that process does stands in `auxdrive.bench.first`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auxdrive.bench.worker import Order
from auxdrive.errors import RuntimeFailure, WorkerDied
from auxdrive.machine.worker_processes import how_it_ended
from auxdrive.strict import parse_object

_CODE = (
    "import sys, time; begin_s = time.perf_counter(); from auxdrive.bench.first import run; "
    "print(run(begin_s, sys.argv[1]))"
)


@dataclass(frozen=True, slots=True)
class Cold:
    """A fresh process, in seconds.

    Attributes:
        total_s: from the import to the first command.
        import_s: of the imports.
        load_s: of opening, checking and loading the bundle.
        interpreter_s: from starting the process to the first command.
        memory_mib: the most that it held, resident; None where the system does not tell.
    """

    total_s: float
    import_s: float
    load_s: float
    interpreter_s: float
    memory_mib: float | None


def start_cold(order: Order, ego: Sequence[float], timeout_s: float) -> Cold:
    """Start a process, and let it give a command.

    Args:
        order: what it loads.
        ego: the ego inputs of its frame, side by side in the card's order, (E,).
        timeout_s: after which it is ended.

    Raises:
        WorkerDied: it crashed, or was ended because it was not done.
        RuntimeFailure: it said what went wrong.
    """
    begin_s = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CODE, json.dumps(_told(order, ego))],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkerDied(f"it had given no command after {timeout_s:g} s, and was ended") from None
    said = done.stdout.splitlines()
    if done.returncode != 0 or not said:
        last = (done.stderr.strip().splitlines() or [how_it_ended(done.returncode)])[-1]
        raise WorkerDied(f"its process died ({how_it_ended(done.returncode)}): {last}")
    found = parse_object(said[-1].encode(), "the words of a fresh process", WorkerDied)
    if "error" in found:
        raise RuntimeFailure(found["error"])
    return Cold(
        found["total_s"],
        found["import_s"],
        found["load_s"],
        found["at_s"] - begin_s,
        found["memory_mib"],
    )


def _told(order: Order, ego: Sequence[float]) -> dict[str, Any]:
    return {
        "bundle": str(order.bundle),
        "sha256": order.sha256,
        "subject": order.subject.model_dump(mode="json"),
        "drive": asdict(order.drive),
        "threads": order.threads,
        "cpus": order.cpus,
        "ego": list(ego),
    }
