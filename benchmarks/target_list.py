"""The targets, and what a result of `targets.py` says of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from auxdrive.runtimes import DEFAULT_RUNTIME

MOST, LEAST = "at most", "at least"
DEFAULT = f"{DEFAULT_RUNTIME}:cpu"


def targets_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each target with what was measured.

    Args:
        result: `models`, `frame_1280x720` and `base_install_mb` of a run.
    """
    pilotnet, resnet = result["models"]["pilotnet"], result["models"]["resnet18"]
    large = [each["path_times_opencv"] for each in result["frame_1280x720"].values()]
    return [
        *_of_each(pilotnet, "PilotNet", "over_bare_us_p50", 40.0),
        *_of_each(pilotnet, "PilotNet", "times_bare_p99", 1.10),
        *_of_each(resnet, "ResNet-18", "times_bare_p50", 1.03),
        _target("frame of 1280 x 720: path over OpenCV and bare, best", _least(large), MOST, 1.0),
        _target("PilotNet: eager over best path", pilotnet["eager_times_best_path"], LEAST, 4.5),
        _target("ResNet-18: eager over best path", resnet["eager_times_best_path"], LEAST, 7.0),
        *(
            _target(f"{name}: frozen inductor over bare fp32", inductor, LEAST, 1.0)
            for name, inductor in (
                ("PilotNet", pilotnet.get("inductor_times_best_fp32")),
                ("ResNet-18", resnet.get("inductor_times_best_fp32")),
            )
        ),
        *(
            _target(f"ResNet-18: int8 over fp32 in {runtime}", found["bare"], LEAST, 3.0)
            for runtime, found in resnet["int8_against_fp32"].items()
        ),
        _target(
            "ResNet-18: fp32, share of the core's multiply-adds",
            resnet.get("fp32_share_of_fma_peak"),
            LEAST,
            0.85,
        ),
        _target(
            f"PilotNet: cold start in {DEFAULT}, s",
            pilotnet["runtimes"].get(DEFAULT, {}).get("cold_start_s"),
            MOST,
            0.7,
        ),
        _target("base install, MB", result["base_install_mb"]["all"], MOST, 200.0),
    ]


def _target(name: str, value: float | None, sense: str, limit: float) -> dict[str, Any]:
    met = None if value is None else value <= limit if sense == MOST else value >= limit
    return {"target": name, "measured": value, "limit": f"{sense} {limit:g}", "met": met}


def _of_each(model: dict[str, Any], name: str, figure: str, limit: float) -> list[dict[str, Any]]:
    """A target of every runtime that computes the graph in fp32."""
    return [
        _target(f"{name}: {figure} in {runtime}", model["runtimes"][runtime][figure], MOST, limit)
        for runtime in model["fp32"]
    ]


def _least(values: Iterable[float]) -> float | None:
    return min(values, default=None)
