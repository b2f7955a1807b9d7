"""The colours of a town's traffic lights, by the ids of its road map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.simulators.carla.connection.session import Session
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
        self._session = session
        self._colours = {state.Red: LightColour.RED, state.Yellow: LightColour.YELLOW}
        self._without = dict.fromkeys(roads.signals.light_ids, LightColour.GREEN)
        self._lights: list[tuple[int, Any]] = []
        with session.asked("for its traffic lights"):
            for light in session.world.get_actors().filter("traffic.traffic_light"):
                if (known := light_id(light)) is not None:
                    self._lights.append((known, light))

    def held(self, landmarks: Mapping[int, int]) -> HeldLights:
        """The lights as scenarios hold them.

        Args:
            landmarks: the OpenDRIVE id of each light, by the number that scenarios know it by.
        """
        by_id: dict[int, list[Any]] = {}
        for known, light in self._lights:
            by_id.setdefault(known, []).append(light)
        return HeldLights(
            self._session, {number: by_id.get(known, []) for number, known in landmarks.items()}
        )

    def colours(self) -> dict[int, LightColour]:
        """The colour of each light after the last tick."""
        return self._without | {
            number: self._colours.get(light.get_state(), LightColour.GREEN)
            for number, light in self._lights
        }


class HeldLights:
    """Lights that a scenario keeps green; see `LightsOfScenarios`.

    Args:
        session: with the server.
        lights: of each number the `carla.TrafficLight`s, of which there may be none.
    """

    def __init__(self, session: Session, lights: Mapping[int, Sequence[Any]]) -> None:
        self._session, self._lights = session, lights
        self._asked_s = -math.inf
        self._held: list[Any] = []

    def prolong(self, light_id: int, time_s: float, tick_s: float) -> bool:  # noqa: ARG002
        """Keep a light green that is green: the lights of its junction stand still until the tick
        in which nobody asks for it.

        Args:
            light_id: its number.
            time_s: now.
            tick_s: plays no part.

        Returns:
            Whether it is green. A light that the server does not have is.
        """
        lights, green = self._lights.get(light_id, ()), self._session.carla.TrafficLightState.Green
        if any(light.get_state() != green for light in lights):
            return False
        self._asked_s = time_s
        if lights and not self._held:
            with self._session.asked("to hold a traffic light"):
                self._held = [each for light in lights for each in light.get_group_traffic_lights()]
                for light in self._held:
                    light.freeze(True)
        return True

    def settle(self, time_s: float) -> None:
        """Let the lights go on that nobody has asked for in this tick.

        Args:
            time_s: now.
        """
        if self._held and time_s > self._asked_s:
            held, self._held = self._held, []
            with self._session.asked("to let traffic lights go on"):
                for light in held:
                    light.freeze(False)
