"""A prediction as values for JSON: what `auxdrive predict` and telemetry write of it."""

from __future__ import annotations

from typing import Any

from auxdrive.types import Prediction


def record_of(prediction: Prediction) -> dict[str, Any]:
    """What every prediction has; None, or nothing, for what it does not hold."""
    waypoints = prediction.waypoints_ego_m
    classes = {"class_names": list(prediction.class_names)} if prediction.class_names else {}
    ood = {} if prediction.ood_score is None else {"ood_score": prediction.ood_score}
    return {
        "steer_rad": prediction.steer_rad,
        "waypoints_ego_m": None if waypoints is None else waypoints.tolist(),
        "waypoint_times_s": list(prediction.waypoint_times_s),
        "latency_ms": prediction.latency_ms,
        "flags": sorted(prediction.flags),
        "reason": prediction.reason,
        **ood,
        **classes,
    }


def values_of(prediction: Prediction) -> dict[str, Any]:
    """What a prediction of another task holds, by the output's name."""
    return {name: array.tolist() for name, array in prediction.values.items()}
