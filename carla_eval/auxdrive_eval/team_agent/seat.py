"""The agent as the leaderboard's side asks for it: paths and plain rows in, CARLA's numbers out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auxdrive.frames import steer_rad_to_carla

from auxdrive_eval.carla_axles import AXLES
from auxdrive_eval.team_agent.config import leaderboard_config
from auxdrive_eval.team_agent.driver import TeamDriver
from auxdrive_eval.team_agent.plan import read_plan

EGO = AXLES["vehicle.lincoln.mkz_2020"]
"""The ego of leaderboard 2.x; that of 1.0, an older Lincoln, has its axles in the same places."""


class Seat:
    """Drives one route. `leaderboard_agent` has the same methods for one in another process.

    Args:
        config: path of the agent's config, see `leaderboard_config`.

    Raises:
        AuxdriveError: see `leaderboard_config` and `TeamDriver`.
    """

    def __init__(self, config: str | None) -> None:
        given = leaderboard_config(config)
        self._max_steer_rad = math.radians(given.max_steer_deg)
        self._driver = TeamDriver(given, EGO.rear_m)
        self.sensors: list[dict[str, Any]] = [dict(each) for each in self._driver.sensors]

    def begin(self, degrees: Sequence[Sequence[float]], places: Sequence[Sequence[float]]) -> None:
        """Take the plan of the route.

        Args:
            degrees: latitude and longitude of each of its points.
            places: the same points in CARLA's frame: x, y, yaw in degrees, number of the road
                option.

        Raises:
            UsageError: there is no plan.
            InputError: the two are not one route.
        """
        self._driver.begin(read_plan(degrees, places))

    def step(self, input_data: Mapping[str, Any], time_s: float) -> tuple[float, float, float]:
        """CARLA's throttle, steer and brake for a tick.

        Args:
            input_data: what the sensors sent, see `read_sensors`.
            time_s: the game's time.

        Raises:
            AuxdriveError: see `TeamDriver.step`.
        """
        control = self._driver.step(input_data, time_s)
        steer = steer_rad_to_carla(control.steer_rad, self._max_steer_rad)
        return control.throttle, steer, control.brake

    def close(self) -> None:
        """Release the bundle. May be called again."""
        self._driver.close()
