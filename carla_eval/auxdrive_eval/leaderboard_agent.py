"""The agent that CARLA's leaderboards load: it drives any bundle on the SENSORS track, in
leaderboard 1.0 and 2.x and in Bench2Drive. How it is run stands in docs/leaderboard.md.

A leaderboard is given the path of this file (`--agent`), imports it as a module of its own, and
asks for the class by the name that `get_entry_point` returns. The class is made then, since it is
one of the leaderboard's agents: this module can be imported without a leaderboard.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from auxdrive.errors import UsageError
from auxdrive.frames import steer_rad_to_carla

from auxdrive_eval.carla_axles import AXLES
from auxdrive_eval.team_agent.config import leaderboard_config
from auxdrive_eval.team_agent.driver import TeamDriver
from auxdrive_eval.team_agent.plan import read_plan

AGENT = "AuxdriveAgent"
EGO = AXLES["vehicle.lincoln.mkz_2020"]
"""The ego of leaderboard 2.x; that of 1.0, an older Lincoln, has its axles in the same places."""


def get_entry_point() -> str:
    """The name of the agent's class, as a leaderboard asks for it.

    Examples:
        >>> from auxdrive_eval.leaderboard_agent import get_entry_point
        >>> get_entry_point()
        'AuxdriveAgent'
    """
    return AGENT


def __getattr__(name: str) -> Any:
    if name == AGENT:
        return _agent_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _agent_class() -> type:
    """The agent, which is a subclass of the leaderboard's.

    Raises:
        UsageError: there is no leaderboard, or it cannot be imported.
    """
    try:
        import carla
        from leaderboard.autoagents.autonomous_agent import AutonomousAgent, Track
    except ImportError as error:
        raise UsageError(
            "the leaderboard agent runs inside of a CARLA leaderboard, and that cannot be imported "
            f"here ({error}): put the folders of leaderboard and scenario_runner on PYTHONPATH, "
            f"and run leaderboard_evaluator.py with --agent {__file__} (docs/leaderboard.md)"
        ) from error

    class AuxdriveAgent(AutonomousAgent):  # type: ignore[misc]
        """Drives a bundle. It keeps the constructor of the leaderboard's agent, which differs
        between 1.0 and 2.x.
        """

        _driver: TeamDriver | None = None
        _max_steer_rad: float

        def setup(self, path_to_conf_file: str) -> None:
            """Load the bundle.

            Args:
                path_to_conf_file: see `team_agent.config.leaderboard_config`.
            """
            self.track = Track.SENSORS
            config = leaderboard_config(path_to_conf_file)
            self._driver = TeamDriver(config, EGO.rear_m)
            self._max_steer_rad = math.radians(config.max_steer_deg)

        def sensors(self) -> list[dict[str, Any]]:
            """The sensors of `team_agent.sensors.sensor_suite`."""
            return [dict(each) for each in self._loaded().sensors]

        def run_step(self, input_data: Mapping[str, Any], timestamp: float) -> Any:
            """The `carla.VehicleControl` for this tick.

            Args:
                input_data: what the sensors sent.
                timestamp: the game's time in seconds.
            """
            driver = self._loaded()
            if not driver.has_begun:
                driver.begin(read_plan(self._global_plan, self._global_plan_world_coord))
            control = driver.step(input_data, timestamp)
            return carla.VehicleControl(
                throttle=control.throttle,
                steer=steer_rad_to_carla(control.steer_rad, self._max_steer_rad),
                brake=control.brake,
            )

        def destroy(self) -> None:
            """Release the bundle. A leaderboard calls it after a failed `setup` too."""
            driver, self._driver = self._driver, None
            if driver is not None:
                driver.close()

        def _loaded(self) -> TeamDriver:
            if self._driver is None:
                raise UsageError(
                    "the agent has no bundle: setup comes first, and destroy comes last"
                )
            return self._driver

    AuxdriveAgent.__module__ = __name__
    AuxdriveAgent.__qualname__ = AGENT
    return AuxdriveAgent
