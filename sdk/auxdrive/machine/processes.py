"""Other processes of this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether a process with that id runs on this machine. A zombie, which has ended but whose
    parent has not collected it yet, does not count.
    """
    if sys.platform == "win32":  # os.kill(pid, 0) would send it Ctrl-C there
        import ctypes

        kernel = ctypes.windll.kernel32
        # PROCESS_QUERY_LIMITED_INFORMATION
        handle, code = kernel.OpenProcess(0x1000, False, pid), ctypes.c_ulong()
        # STILL_ACTIVE
        running = bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == 259
        kernel.CloseHandle(handle)
        return running
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it runs, for another user
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether Linux reports the process as a zombie or dead. Other systems do not tell: False."""
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # The state is the field after the name, which stands in brackets and may contain brackets.
    return told.rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"])
