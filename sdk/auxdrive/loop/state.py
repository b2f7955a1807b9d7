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
    yaw_rate_radps: float | None = None
    override: Control | None = None
