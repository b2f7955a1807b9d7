"""OpenMP's idle threads sleep instead of spinning: what training, recording and driving set before
torch is imported.

torch computes with OpenMP's threads, and between two loops the idle ones spin on a core by default
(GNU's libgomp: 300,000 turns). Where another process wants that core, the threads that have work
wait for it: training has fallen to a twentieth. Asleep they cost some microseconds a loop, also
alone less than the spinning (`benchmarks/busy.py`).

libgomp reads the variables once, when it is loaded, and the processes that this one starts inherit
them. So the packages that bring torch into a process (`auxdrive_train`, `auxdrive_deploy`, and
`auxdrive_eval` for the agents that it drives) call `wait_passively` in their `__init__`. PyPI's
NumPy and ONNX Runtime have threads of their own and no OpenMP; the vehicle's package alone sets
nothing.
"""

from __future__ import annotations

import os
import sys

PASSIVE = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
"""The policy is the standard's; libgomp, which torch's Linux wheels bring, spins on under it unless
the count is 0 too.
"""

_late = False


def wait_passively() -> None:
    """Set `PASSIVE` in this process and those that it starts. Where the user has set one of the
    variables, all stay as they are.
    """
    global _late
    if any(name in os.environ for name in PASSIVE):
        return
    _late = "torch" in sys.modules
    os.environ.update(PASSIVE)


def set_too_late() -> bool:
    """Whether torch, and libgomp with it, was loaded before `wait_passively` was called: this
    process' threads spin.
    """
    return _late
