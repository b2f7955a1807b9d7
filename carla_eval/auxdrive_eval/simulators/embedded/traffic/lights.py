"""Colours of the traffic lights as a function of time. Each junction alternates between its groups
in a fixed cycle.
"""

from __future__ import annotations

from auxdrive_eval.random_streams import stream
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.world import LightColour

YELLOW_S = 3.0
ALL_RED_S = 2.0
GREEN_S = (8.0, 14.0)
LEAST_GROUPS = 2
"""A junction with one group is red as long as if there were another."""


class LightCycles:
    """For one group after the other: green, yellow, then red for all.

    Args:
        town: whose lights they are.
        seed: decides the length and start of the cycle of each junction.
    """

    def __init__(self, town: Town, seed: int) -> None:
        junctions = sorted({light.junction_id for light in town.lights.values()})
        self._light_ids = {
            junction: [i for i, light in town.lights.items() if light.junction_id == junction]
            for junction in junctions
        }
        self._junction = {light.light_id: light.junction_id for light in town.lights.values()}
        self._group = {light.light_id: light.group for light in town.lights.values()}
        self._groups = {
            junction: max(LEAST_GROUPS, 1 + max(self._group[light_id] for light_id in light_ids))
            for junction, light_ids in self._light_ids.items()
        }
        self._green_s: dict[int, float] = {}
        self._start_s: dict[int, float] = {}
        for junction in junctions:
            rng = stream(seed, "lights", junction)
            self._green_s[junction] = float(rng.uniform(*GREEN_S))
            self._start_s[junction] = float(rng.uniform(0.0, self.cycle_s(junction)))

    def cycle_s(self, junction_id: int) -> float:
        """Length of a junction's cycle."""
        return self._groups[junction_id] * (self._green_s[junction_id] + YELLOW_S + ALL_RED_S)

    def prolong(self, light_id: int, time_s: float, tick_s: float) -> bool:
        """Keep a light green that is green: its junction's cycle stands still for a tick.

        Args:
            light_id: of the town.
            time_s: now.
            tick_s: length of the tick.

        Returns:
            Whether it is green.
        """
        green = self.colours(time_s)[light_id] is LightColour.GREEN
        if green and self.colours(time_s - tick_s)[light_id] is LightColour.GREEN:
            self._start_s[self._junction[light_id]] -= tick_s
        return green

    def colours(self, time_s: float) -> dict[int, LightColour]:
        """Colour of every light of the town at that time."""
        colours = {}
        for junction, light_ids in self._light_ids.items():
            phase_s = self._green_s[junction] + YELLOW_S + ALL_RED_S
            at = (self._start_s[junction] + time_s) % (self._groups[junction] * phase_s)
            turn, into = int(at // phase_s), at % phase_s
            shown = LightColour.GREEN if into < self._green_s[junction] else LightColour.YELLOW
            if into >= self._green_s[junction] + YELLOW_S:
                shown = LightColour.RED
            for light_id in light_ids:
                colours[light_id] = shown if self._group[light_id] == turn else LightColour.RED
        return colours
