"""Runs a command until it ends, or until standard input closes: whoever started this is then gone,
however it ended, and nothing of the command may stay behind. It is run as a program of its own, by
its file, and imports nothing of auxdrive.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

END_S = 10.0
"""How long the command may take to end by itself."""


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started.

    Args:
        process: the leader of its own group.
    """
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has left behind


def main(command: Sequence[str]) -> int:
    """Run a command.

    Args:
        command: and its arguments.

    Returns:
        Its exit status.
    """
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    )

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        end(process)

    threading.Thread(target=watch, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
