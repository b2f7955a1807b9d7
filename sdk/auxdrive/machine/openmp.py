"""Makes idle threads of OpenMP sleep instead of spin, before torch is imported.

torch computes with the threads of OpenMP. Between two loops the idle ones spin on their core by
default (300,000 turns in GNU's libgomp). Where another process needs that core, the threads that
have work must wait for it: training has become 20 times slower by this. Sleeping costs some
microseconds a loop, which is less than spinning costs even on an idle machine
(`benchmarks/busy.py`).

libgomp reads the variables once, when it is loaded, and child processes inherit them. So the
packages that bring torch into a process (`auxdrive_train`, `auxdrive_deploy`, and `auxdrive_eval`
for the agents that it drives) call `wait_passively` in their `__init__`. NumPy and ONNX Runtime
from PyPI have threads of their own and do not use OpenMP, so `auxdrive` itself sets nothing.
"""

from __future__ import annotations

import os
import sys

PASSIVE = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
"""The first variable is OpenMP's standard; libgomp, which comes with torch on Linux, still spins
unless the second is 0 too.
"""

_late = False


def wait_passively() -> None:
    """Set `PASSIVE` for this process and its children. Where the user has set one of the variables,
    nothing is changed.
    """
    global _late
    if any(name in os.environ for name in PASSIVE):
        return
    _late = "torch" in sys.modules
    os.environ.update(PASSIVE)


def set_too_late() -> bool:
    """Whether torch, and libgomp with it, was loaded before `wait_passively` was called, so that
    the threads of this process spin.
    """
    return _late
