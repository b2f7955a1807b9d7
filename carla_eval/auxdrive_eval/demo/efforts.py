"""What the demo's stages are, and how long they take in relation to each other. That decides the
estimate of the time that is left, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

from auxdrive_eval.demo.settings import EXPERT, MODELS, DemoSettings

# CPU seconds, measured on a demo with its default settings on two cores.
FRAME_S = 0.024
"""Of a frame to record."""
TRAINING_S: Mapping[str, float] = {"baseline": 0.0016, "samd": 0.0056, "teacher": 0.0030}
"""By method of a recorded frame in an epoch."""
EXPORT_S, VERIFY_S = 15.0, 1.0
ROUTE_S: Mapping[str, float] = {"student": 12.0, "teacher": 25.0, EXPERT: 2.5}
"""By role of a route to drive, and of the expert's."""
LATENCY_S: Mapping[str, float] = {"student": 0.4, "teacher": 5.0}
"""By role."""


def efforts(settings: DemoSettings) -> dict[str, float]:
    """CPU seconds by stage, in no certain order."""
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
