"""States of a world made by hand, for the tests of the criteria."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from auxdrive.types import Pose2, RoadOption
from auxdrive_eval.criteria import (
    Criterion,
    Event,
)
from auxdrive_eval.route import Route
from auxdrive_eval.world import WorldState

TICK_S = 0.05


HALF_LENGTH_M = 2.4


def straight_route(length_m: int = 200) -> Route:
    points = np.stack([np.arange(length_m + 1.0), np.zeros(length_m + 1)], axis=1)
    return Route(
        "0",
        "EmbeddedTown0001",
        ((0.0, 0.0), (float(length_m), 0.0)),
        points,
        np.zeros(len(points)),
        (RoadOption.LANE_FOLLOW,) * len(points),
    )


def state(
    frame: int = 0,
    x_m: float = 0.0,
    y_m: float = 0.0,
    *,
    yaw_rad: float = 0.0,
    speed_mps: float = 5.0,
    **more: object,
) -> WorldState:
    base = WorldState(
        frame=frame,
        time_s=frame * TICK_S,
        ego=Pose2(x_m - 1.4 * math.cos(yaw_rad), y_m - 1.4 * math.sin(yaw_rad), yaw_rad),
        ego_centre=(x_m, y_m),
        speed_mps=speed_mps,
        steer_rad=0.0,
        extent=(HALF_LENGTH_M, 1.0),
    )
    return dataclasses.replace(base, **more)  # type: ignore[arg-type]


def run(criterion: Criterion, states: list[WorldState]) -> list[Event]:
    return [event for one in states for event in criterion.update(one)] + criterion.finish(
        states[-1]
    )
