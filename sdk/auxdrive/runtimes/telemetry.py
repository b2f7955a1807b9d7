"""Switches the telemetry of the packages behind runtimes off in this process and in its children,
whoever imports them there (such as torch's exporter).
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

SENDER = "openvino_telemetry"
"""What OpenVINO reports every import of itself with, over the network and with an identity in the
home folder. It knows no variable that stops it, and OpenVINO works without it.
"""


def silence() -> None:
    """Switch the telemetry off. `import auxdrive` does this, and so do the modules that import
    ONNX Runtime and OpenVINO.

    A warning is given where one was imported before and already sends, which cannot be stopped.
    """
    silent = any(
        os.environ.get(name, "") not in ("", "0") for name in (*OFF, "CI")
    )  # it sends nothing in CI either
    if "onnxruntime" in sys.modules and not silent:
        _too_late("onnxruntime", ", or set ORT_DISABLE_TELEMETRY=1")
    os.environ.update(OFF)
    if sys.modules.setdefault(SENDER, None) is not None:  # type: ignore[arg-type]  # as importlib
        if not os.environ.get("CI"):
            _too_late("openvino", "")
        sys.modules[SENDER] = None  # type: ignore[assignment]  # documents: it cannot be imported


def _too_late(package: str, other: str) -> None:
    warnings.warn(
        f"{package} was imported before auxdrive, and its telemetry cannot be stopped any more: "
        f"import auxdrive first{other}",
        RuntimeWarning,
        stacklevel=4,
    )
