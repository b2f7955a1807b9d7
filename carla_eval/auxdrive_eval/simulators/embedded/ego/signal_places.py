"""Where the lamps of traffic lights, stop signs and stop lines are to be seen from, and where a car
stops so that it still sees them.
"""

from __future__ import annotations

import math

import numpy as np
from auxdrive.types import Float64, Pose2

from auxdrive_eval.simulators.embedded.ego.sight import Sight, View
from auxdrive_eval.simulators.embedded.ego.vehicle import VehicleParameters
from auxdrive_eval.simulators.embedded.render.shapes.bodies import LAMP_M
from auxdrive_eval.simulators.embedded.render.shapes.town_faces import HEAD_CENTRE_M, light_posts
from auxdrive_eval.simulators.embedded.town.model import Lane, Town, TrafficLight
from auxdrive_eval.world import LightColour

LAMPS = (LightColour.RED, LightColour.YELLOW, LightColour.GREEN)
LAMPS_APART_M, HEAD_AHEAD_M = 0.64, 0.32
"""From lamp to lamp, and from the post's axis to the lamps' faces."""
SIGN_CENTRE_M = 2.3
MARGINS_M = tuple(np.arange(1.0, 4.01, 0.25).tolist())
"""A car stops so far before its line: the first at which it sees its signal, or the first."""
LATE_M = 1.5
"""A learner that stops this much later than the expert still sees its light."""
MOST_AT_SIGN_M = 1.75
"""Who stands farther before a stop sign has not stopped at it."""


class SignalPlaces:
    """The lamps, stop signs and stop lines of a town.

    Args:
        town: whose signals they are.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        posts = light_posts(town)
        self._lamps: dict[int, tuple[Float64, Float64]] = {}
        for light in town.lights.values():
            owner = light if light.light_id in posts else _neighbour(light, town, posts)
            if owner is not None:
                self._lamps[light.light_id] = _lamps(posts[owner.light_id], town.kerb_height_m)
        self._margins: dict[tuple[int, object], float] = {}

    def light_seen(self, view: View, light_id: int, colour: LightColour) -> bool:
        """Whether the lamp that is on can be read: that at the line, or of its repeater.

        Args:
            view: what is to be seen now.
            light_id: of the light.
            colour: which it shows.
        """
        if light_id not in self._lamps:
            return False
        lamps, facing = self._lamps[light_id]
        shown = lamps[:, LAMPS.index(colour)]
        before = ((view.eye - shown)[:, :2] * facing).sum(axis=1) > 0.0
        return bool((before & view.reads(shown, LAMP_M)).any())

    def stop_seen(self, view: View, lane: Lane) -> bool:
        """Whether the stop sign or the stop line at the end of a lane is in view.

        Args:
            view: what is to be seen now.
            lane: with a stop sign.
        """
        return bool(view.sees(self._stop_places(lane)).any())

    def margin_m(self, sight: Sight, lane: Lane, ego: VehicleParameters) -> float:
        """How far before the end of a lane a car stops: where all lamps of a post of its light are
        in the image, even if it stops `LATE_M` later, or its stop sign or line is.

        Args:
            sight: the camera.
            lane: that ends at a signal.
            ego: the car.
        """
        key = lane.lane_id, sight.camera
        if key not in self._margins:
            late_m = LATE_M if lane.light_id is not None else 0.0
            most_m = MARGINS_M[-1] if lane.light_id is not None else MOST_AT_SIGN_M
            found = (
                each
                for each in MARGINS_M
                if each <= most_m and self._sees_at(sight, lane, ego, each - late_m)
            )
            self._margins[key] = next(found, MARGINS_M[0])
        return self._margins[key]

    def _sees_at(self, sight: Sight, lane: Lane, ego: VehicleParameters, margin_m: float) -> bool:
        yaw = float(lane.yaw_rad[-1])
        back_m = margin_m + ego.length_m - ego.rear_overhang_m
        x, y = lane.centreline[-1] - back_m * np.array([math.cos(yaw), math.sin(yaw)])
        view = sight.look(Pose2(float(x), float(y), yaw))
        if lane.light_id is not None:
            lamps, _ = self._lamps.get(lane.light_id, (np.empty((0, 3, 3)), None))
            return any(bool(view.reads(post, LAMP_M).all()) for post in lamps)
        return bool(view.sees(self._stop_places(lane)).any())

    def _stop_places(self, lane: Lane) -> Float64:
        assert lane.stop_sign_id is not None
        sign = self._town.stop_signs[lane.stop_sign_id]
        line = np.mean(sign.stop_line, axis=0)
        return np.array([(*sign.location, SIGN_CENTRE_M + self._town.kerb_height_m), (*line, 0.0)])


def _neighbour(
    light: TrafficLight, town: Town, posts: dict[int, list[tuple[float, float, float]]]
) -> TrafficLight | None:
    """The light whose posts a light without any shares: the nearest one that turns with it."""
    others = [
        other
        for other in town.lights.values()
        if other.light_id in posts
        and (other.junction_id, other.group) == (light.junction_id, light.group)
        and math.cos(other.yaw_rad - light.yaw_rad) > 0.5
    ]
    return min(others, key=lambda other: math.dist(other.location, light.location), default=None)


def _lamps(posts: list[tuple[float, float, float]], kerb_m: float) -> tuple[Float64, Float64]:
    """The lamps of each post, (posts, 3, 3), red first, and where they face, (posts, 2)."""
    facing = np.array([(math.cos(yaw), math.sin(yaw)) for _, _, yaw in posts])
    middle = np.array([(x, y) for x, y, _ in posts]) + HEAD_AHEAD_M * facing
    heights = HEAD_CENTRE_M + kerb_m + LAMPS_APART_M * np.array([1.0, 0.0, -1.0])
    lamps = np.empty((len(posts), 3, 3))
    lamps[:, :, :2] = middle[:, None]
    lamps[:, :, 2] = heights
    return lamps, facing
