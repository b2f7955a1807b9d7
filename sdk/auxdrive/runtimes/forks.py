"""Sessions in forked processes. The destructor of a runtime's session waits for the runtime's
threads. A forked child does not have these threads, so it would hang at its end.
"""

from __future__ import annotations

import ctypes
import os
import weakref

_LOADED: weakref.WeakSet[object] = weakref.WeakSet()


def keep_in_children(session: object) -> None:
    """In every process that is forked from now on, the session is never destroyed. The memory is
    shared with the parent and only read.

    Args:
        session: that holds what must not be destroyed; it can be referenced weakly.
    """
    _LOADED.add(session)


def _keep() -> None:
    for loaded in list(_LOADED):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(loaded))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep)
