"""The colours of a town's traffic lights, by the ids of its road map."""

from __future__ import annotations

from typing import Any

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.simulators.carla.session import Session
from auxdrive_eval.simulators.carla.versions import light_id
from auxdrive_eval.world import LightColour


class Lights:
    """The lights of the town that is loaded.

    Args:
        session: with the server.
        roads: of that town. Lights of the map that the server does not have count as green, as do
            those that are off.
    """

    def __init__(self, session: Session, roads: CarlaRoadMap) -> None:
        state = session.carla.TrafficLightState
        self._colours = {state.Red: LightColour.RED, state.Yellow: LightColour.YELLOW}
        self._without = dict.fromkeys(roads.signals.light_ids, LightColour.GREEN)
        self._lights: list[tuple[int, Any]] = []
        with session.asked("for its traffic lights"):
            for light in session.world.get_actors().filter("traffic.traffic_light"):
                if (known := light_id(light)) is not None:
                    self._lights.append((known, light))

    def colours(self) -> dict[int, LightColour]:
        """The colour of each light after the last tick."""
        return self._without | {
            number: self._colours.get(light.get_state(), LightColour.GREEN)
            for number, light in self._lights
        }
