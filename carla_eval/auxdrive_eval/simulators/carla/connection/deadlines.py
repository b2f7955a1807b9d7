"""The end of a process whose client sleeps for ever: a traffic manager of the stock client may miss
the signal that it waits for, and whoever waits for it then does so too
(carla-simulator/carla#9172).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def ended_after(limit_s: float) -> Iterator[None]:
    """End this process if the `with` block takes longer, whatever it waits for.

    Args:
        limit_s: longer than every time-out of the client.
    """
    faulthandler.dump_traceback_later(limit_s, exit=True, file=_nowhere())
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@cache
def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")
