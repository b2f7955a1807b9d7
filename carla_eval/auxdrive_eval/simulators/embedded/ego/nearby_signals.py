"""What the world state contains about lights and stop signs near the ego."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from auxdrive_eval.road_maps.base import SIGNALS_M, TRIGGER_HALF_LENGTH_M
from auxdrive_eval.simulators.embedded.geometry.curves import wrap
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.world import LightColour, Point, StopSignView, TrafficLightView


class SignalViews:
    """Views of all signals of a town. They are made once; each tick selects those in range."""

    def __init__(self, town: Town) -> None:
        self._lights = [
            (
                light.light_id,
                light.location,
                light.stop_line,
                light.lane_id,
                wrap(float(town.lanes[light.lane_id].yaw_rad[-1])),
            )
            for light in town.lights.values()
        ]
        self._light_points = np.array(
            [np.mean(light.stop_line, axis=0) for light in town.lights.values()]
        ).reshape(-1, 2)
        self._signs = []
        for sign in town.stop_signs.values():
            yaw = wrap(float(town.lanes[sign.lane_id].yaw_rad[-1]))
            line = np.mean(sign.stop_line, axis=0) - TRIGGER_HALF_LENGTH_M * np.array(
                [np.cos(yaw), np.sin(yaw)]
            )
            half = (TRIGGER_HALF_LENGTH_M, town.lanes[sign.lane_id].width_m / 2)
            self._signs.append(
                StopSignView(
                    sign.sign_id, sign.location, (float(line[0]), float(line[1])), half, yaw, yaw
                )
            )
        self._sign_points = np.array([sign.trigger_centre for sign in self._signs]).reshape(-1, 2)

    def lights(
        self, ego: Point, colours: Mapping[int, LightColour]
    ) -> tuple[TrafficLightView, ...]:
        """Lights whose stop lines are within 50 m.

        Args:
            ego: centre of the ego's box in the world frame, metres.
            colours: the colour of every light of the town, by its id.
        """
        near = np.flatnonzero(((self._light_points - ego) ** 2).sum(axis=1) < SIGNALS_M**2)
        found = (self._lights[index] for index in near)
        return tuple(
            TrafficLightView(i, colours[i], location, line, lane, yaw)
            for i, location, line, lane, yaw in found
        )

    def stop_signs(self, ego: Point) -> tuple[StopSignView, ...]:
        """Stop signs whose triggers are within 50 m."""
        return tuple(
            self._signs[index]
            for index in np.flatnonzero(((self._sign_points - ego) ** 2).sum(axis=1) < SIGNALS_M**2)
        )
