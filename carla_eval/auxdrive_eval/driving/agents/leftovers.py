"""Processes that an agent started and left behind. They are ended with the agent, and when the
driving process ends.

Each inherits a mark in its environment, by which it can be found (on Linux), even after it has left
its process group and session. This file also runs as a program of its own, without the package:
`leftovers.py MARK` ends the marked processes when its standard input is closed, which happens when
the process at the other end of the pipe ends for any reason.
"""

from __future__ import annotations

import os
import signal
import sys

VARIABLE = "AUXDRIVE_AGENT"
PROC = "/proc"
_MOST_ROUNDS = 100


def leftovers(mark: str) -> list[int]:
    """The processes with that mark; empty if the system cannot tell."""
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
    except OSError:  # it has ended, or belongs to another user
        return False


def end_leftovers(mark: str) -> None:
    """End all of them, also those that they start meanwhile."""
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
