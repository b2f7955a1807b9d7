"""A folder that looks like an installed CARLA, from which the test server is started."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

_SCRIPT = """#!/bin/bash
for given in "$@"; do
    case $given in -carla-rpc-port=*) port=${{given#*=}} ;; esac
done
more=()
case $(cat {started} 2>/dev/null | wc -l) in
{faults}
esac
echo >> {started}
export PYTHONPATH={tests}
exec {python} -m carla_server --port "$port" {arguments} "${{more[@]}}"
"""


def carla_folder(folder: Path, *arguments: str, faults: Sequence[str] = ()) -> Path:
    """Write `CarlaUE4.sh`.

    Args:
        folder: that is filled.
        arguments: of each test server.
        faults: the fault of the one that is started first, of the second, and so on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    script = _SCRIPT.format(
        started=shlex.quote(str(folder / "started")),
        faults="\n".join(f"{n}) more=(--fault {fault}) ;;" for n, fault in enumerate(faults)),
        tests=shlex.quote(str(TESTS)),
        python=shlex.quote(sys.executable),
        arguments=shlex.join(arguments),
    )
    (folder / "CarlaUE4.sh").write_text(script)
    return folder
