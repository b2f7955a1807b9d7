"""Processes that an agent has started and left, wherever they have gone: they end with it, and with
whoever drives.

Each inherits a mark in its environment, by which the system (Linux) lets it be found, also after it
has left its process group and session. This file is run as a program too, without the package:
`leftovers.py MARK` ends them once its standard input ends, as it does when the process at the other
end of the pipe ends, by whatever signal.
"""

from __future__ import annotations

import os
import signal
import sys

VARIABLE = "AUXDRIVE_AGENT"
PROC = "/proc"
_MOST_ROUNDS = 100


def leftovers(mark: str) -> list[int]:
    """The processes that carry the mark; none where the system does not tell."""
    try:
        names = os.listdir(PROC)
    except OSError:
        return []
    return [
        int(name)
        for name in names
        if name.isdecimal() and int(name) != os.getpid() and _carries(name, mark)
    ]


def _carries(name: str, mark: str) -> bool:
    try:
        with open(f"{PROC}/{name}/environ", "rb") as file:
            return f"{VARIABLE}={mark}".encode() in file.read().split(b"\0")
    except OSError:  # it has ended, or is another user's
        return False


def end_leftovers(mark: str) -> None:
    """End them all, also those that they start meanwhile."""
    for _ in range(_MOST_ROUNDS):
        found = leftovers(mark)
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        if not found:
            return


if __name__ == "__main__":
    os.setsid()
    while os.read(0, 1):
        continue
    end_leftovers(sys.argv[1])
