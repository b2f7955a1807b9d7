"""`auxdrive`, run by the arguments, in a process that says at its end how many threads of gloo it
still has.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path


def gloo_threads() -> int:
    """How many threads of gloo this process has (Linux)."""
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    return sum("gloo" in name for name in names)


def tell() -> None:
    print(f"threads of gloo at the end: {gloo_threads()}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    atexit.register(tell)  # the first of all, so that it is the last
    from auxdrive.cli import main

    main()
