"""The ego: where its axles are, how it is spawned, and how a control becomes CARLA's."""

from __future__ import annotations

import math

from auxdrive.errors import SimulatorError
from auxdrive.frames import carla_steer_to_rad, steer_rad_to_carla
from auxdrive.types import Control

from auxdrive_eval.carla_axles import AXLES, Axles
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.carla.border import transform
from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.spec import CarlaOptions

ROLE = "hero"
KMH_PER_MPS = 3.6
ABOVE_M = 0.5
"""The leaderboard spawns the ego this far above the road, onto which it falls."""


def axles_of(blueprint: str) -> Axles:
    """The axles of an ego.

    Args:
        blueprint: of the vehicle.

    Raises:
        SimulatorError: they are not known.
    """
    if blueprint not in AXLES:
        raise SimulatorError(
            f"where the axles of '{blueprint}' are is not known; an ego may be "
            f"{', '.join(sorted(AXLES))}"
        )
    return AXLES[blueprint]


class Ego:
    """The vehicle that is driven. It stands with its centre on the start of the route.

    Args:
        session: with the server.
        cast: that removes it.
        options: which vehicle, and its steering.
        route: at whose start it stands.
        start_z_m: height of the road there.

    Raises:
        SimulatorError: there is no such vehicle, or no room for it.
    """

    def __init__(
        self, session: Session, cast: Cast, options: CarlaOptions, route: Route, start_z_m: float
    ) -> None:
        self._carla = session.carla
        self._session = session
        self._max_steer_rad = math.radians(options.max_steer_deg)
        self.axles = axles_of(options.ego)
        x_m, y_m = route.points[0].tolist()
        place = transform(self._carla, (x_m, y_m, start_z_m + ABOVE_M), float(route.yaw_rad[0]))
        blueprint = cast.blueprint(options.ego, {"role_name": ROLE})
        self.vehicle = cast.spawn(blueprint, place)
        if self.vehicle is None:
            raise SimulatorError(
                f"route {route.route_id}: there is no room for the ego at its start, x={x_m:.1f}, "
                f"y={y_m:.1f} in {route.town}"
            )
        box = self.vehicle.bounding_box
        self.half_size_m = (float(box.extent.x), float(box.extent.y))
        self.centre_m = float(box.location.x)

    def apply(self, control: Control) -> None:
        """Set the control of the next tick. The pedals are clipped to 0..1, the steering to the
        maximum steering angle.

        Raises:
            SimulatorError: the control is not finite.
            SimulationCrashed: the server failed.
        """
        values = (control.steer_rad, control.throttle, control.brake)
        if not all(math.isfinite(value) for value in values):
            raise SimulatorError(f"a control must be finite, got {control}")
        given = self._carla.VehicleControl(
            throttle=min(max(control.throttle, 0.0), 1.0),
            steer=steer_rad_to_carla(control.steer_rad, self._max_steer_rad),
            brake=min(max(control.brake, 0.0), 1.0),
        )
        with self._session.asked("to apply a control"):
            self.vehicle.apply_control(given)

    @property
    def steer_rad(self) -> float:
        """The angle to which the wheels were steered at the last tick."""
        return carla_steer_to_rad(self.vehicle.get_control().steer, self._max_steer_rad)

    @property
    def speed_limit_mps(self) -> float | None:
        """The speed limit where the ego is; None where CARLA tells none."""
        return float(self.vehicle.get_speed_limit()) / KMH_PER_MPS or None
