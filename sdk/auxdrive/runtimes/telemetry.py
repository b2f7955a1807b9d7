"""ONNX Runtime's telemetry, off: for this process and its children, whoever imports ONNX Runtime
there (torch's exporter, say).
"""

from __future__ import annotations

import os
import sys
import warnings

OFF = {"ORT_DISABLE_TELEMETRY": "1", "ORT_TELEMETRY_DISABLED": "1"}
"""From 1.29 on ONNX Runtime reports its use over the network unless the first is set before it is
imported; the second is its older name. Whatever they were set to before: nothing that auxdrive runs
in sends anything.
"""


def silence() -> None:
    """Set what turns telemetry off. `import auxdrive` does it, and so does the module that imports
    ONNX Runtime.

    Warns where ONNX Runtime was imported already and sends: that cannot be stopped.
    """
    silent = any(
        os.environ.get(name, "") not in ("", "0") for name in (*OFF, "CI")
    )  # it sends nothing under CI either
    if "onnxruntime" in sys.modules and not silent:
        warnings.warn(
            "onnxruntime was imported before auxdrive, and its telemetry cannot be stopped any "
            "more: import auxdrive first, or set "
            "ORT_DISABLE_TELEMETRY=1",
            RuntimeWarning,
            stacklevel=3,
        )
    os.environ.update(OFF)
