"""What a vehicle says of itself at every tick."""

from __future__ import annotations

from dataclasses import dataclass

from auxdrive.types import Control


@dataclass(frozen=True, slots=True)
class VehicleState:
    """What the vehicle knows of itself. A field for each of a model's inputs beside the image has
    the name that it has in `Observation`.

    Attributes:
        speed_mps: measured forward speed; controllers and envelope need it whatever the model
            takes.
        target_ego_m: target point (x forward, y left) in the ego frame, as `RouteFollower` gives
            it.
        command: route command (the number of a `RoadOption`).
        next_targets_ego_m: the two target points after that one (x, y, x, y), likewise.
        next_command: the route command at the first of these.
        standing_s: how long the vehicle has stood still. Leave it out: the loop counts it.
        moving_s: how long it has moved since it last stood still. Leave it out: the loop counts it.
        last_target_ego_m: the target point that was passed last, as `RouteFollower` gives it.
        last_command: the route command there.
        yaw_rate_radps: measured, positive to the left.
        override: what the driver commands, while the driver does.

    Examples:
        >>> from auxdrive import VehicleState
        >>> VehicleState(speed_mps=4.0, target_ego_m=(20.0, 1.5)).override is None
        True
    """

    speed_mps: float
    target_ego_m: tuple[float, float] | None = None
    command: int | None = None
    next_targets_ego_m: tuple[float, float, float, float] | None = None
    next_command: int | None = None
    standing_s: float | None = None
    moving_s: float | None = None
    last_target_ego_m: tuple[float, float] | None = None
    last_command: int | None = None
    yaw_rate_radps: float | None = None
    override: Control | None = None
