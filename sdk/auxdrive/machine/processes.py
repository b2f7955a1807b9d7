"""Other processes of this machine."""

from __future__ import annotations

import os
import sys


def is_running(pid: int) -> bool:
    """Whether this machine has a process of that number."""
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
        return True
    return True
