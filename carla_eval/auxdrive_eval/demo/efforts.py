"""The demo's stages, and how long each takes compared with the others. This decides only the
estimate of the remaining time.
"""

from __future__ import annotations

from auxdrive_eval.dagger.efforts import ROUTE_S
from auxdrive_eval.dagger.efforts import efforts as efforts_of_rounds
from auxdrive_eval.demo.settings import DRIVERS, MODELS, DemoSettings
from auxdrive_eval.driving.expert_name import EXPERT

# Seconds, measured in a demo with default settings on two cores.
CHECK_S, EXPORT_S, VERIFY_S, LATENCY_S = 4.0, 21.0, 1.0, 0.5
EXPERT_ROUTE_S = 1.0
"""Driving one route by the expert."""


def efforts(settings: DemoSettings) -> dict[str, float]:
    """Seconds of each stage, in no particular order.

    Args:
        settings: of the demo.
    """
    found = {"check": CHECK_S, **efforts_of_rounds(settings.config())}
    for name in MODELS:
        found |= {f"export {name}": EXPORT_S, f"verify {name}": VERIFY_S}
        found[f"latency {name}"] = LATENCY_S
    for name in DRIVERS:
        of_one = EXPERT_ROUTE_S if name == EXPERT else ROUTE_S
        found[f"drive {name}"] = of_one * settings.routes
    return found
