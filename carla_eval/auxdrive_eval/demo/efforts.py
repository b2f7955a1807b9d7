"""The demo's stages, and how long each takes compared with the others. This decides only the
estimate of the remaining time.
"""

from __future__ import annotations

from collections.abc import Mapping

from auxdrive_eval.demo.settings import MODELS, DemoSettings
from auxdrive_eval.driving.expert_name import EXPERT

# CPU seconds, measured in a demo with default settings on two cores.
FRAME_S = 0.024
"""Recording one frame."""
TRAINING_S: Mapping[str, float] = {"baseline": 0.0016, "samd": 0.0056, "teacher": 0.0030}
"""Training on one recorded frame for one epoch, by method."""
EXPORT_S, VERIFY_S = 15.0, 1.0
ROUTE_S: Mapping[str, float] = {"student": 12.0, "teacher": 25.0, EXPERT: 2.5}
"""Driving one route, by role, and for the expert."""
LATENCY_S: Mapping[str, float] = {"student": 0.4, "teacher": 5.0}
"""Measuring the latency, by role."""


def efforts(settings: DemoSettings) -> dict[str, float]:
    """CPU seconds of each stage, in no particular order."""
    found = {
        "collect": FRAME_S * settings.frames,
        f"drive {EXPERT}": ROUTE_S[EXPERT] * settings.routes,
    }
    for model in MODELS:
        frames_shown = settings.frames * settings.epochs
        found[f"train {model.method}"] = TRAINING_S[model.method] * frames_shown
        if model.bundle is not None:
            found |= {f"export {model.name}": EXPORT_S, f"verify {model.name}": VERIFY_S}
        found[f"drive {model.name}"] = ROUTE_S[model.role] * settings.routes
        found[f"latency {model.name}"] = LATENCY_S[model.role]
    return found
