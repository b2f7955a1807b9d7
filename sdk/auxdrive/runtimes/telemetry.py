"""Switches the telemetry of ONNX Runtime off for this process and its children, whoever imports
ONNX Runtime there (such as torch's exporter).
"""

from __future__ import annotations

import os
import sys
import warnings

OFF = {"ORT_DISABLE_TELEMETRY": "1", "ORT_TELEMETRY_DISABLED": "1"}
"""From version 1.29 on ONNX Runtime reports its use over the network unless the first variable is
set before it is imported; the second is its older name. They are set even where the user set them
otherwise: no process with auxdrive sends anything.
"""


def silence() -> None:
    """Switch the telemetry off. `import auxdrive` does this, and so does the module that imports
    ONNX Runtime.

    A warning is given where ONNX Runtime was imported before and already sends, which cannot be
    stopped.
    """
    silent = any(
        os.environ.get(name, "") not in ("", "0") for name in (*OFF, "CI")
    )  # it sends nothing in CI either
    if "onnxruntime" in sys.modules and not silent:
        warnings.warn(
            "onnxruntime was imported before auxdrive, and its telemetry cannot be stopped any "
            "more: import auxdrive first, or set "
            "ORT_DISABLE_TELEMETRY=1",
            RuntimeWarning,
            stacklevel=3,
        )
    os.environ.update(OFF)
