"""What of the facts is in the camera's image, by depth and segmentation of the same view."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.frames import world_to_ego
from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.types import AnyArray, Float64

from auxdrive_eval.diagnosis.facts import Instant, OtherAhead
from auxdrive_eval.world import Point, RoadUser, WorldState

LEAST_PIXELS = 4
"""What has fewer pixels in the image is not visible."""
LIGHT_REACH_M, LINE_REACH_M, AROUND_M = 2.0, 2.2, 0.7
"""How far from the place of a light or sign, from the middle of a stop line, and from the box of a
road user its pixels lie.
"""


class View:
    """The places of the world that an image shows.

    Args:
        frames: depth and segmentation, in the stored formats.
        camera: that took them.
    """

    def __init__(self, frames: Mapping[Modality, AnyArray], camera: CameraSpec) -> None:
        assert camera.fov_deg is not None
        depth_m = frames[Modality.DEPTH] * MODALITIES[Modality.DEPTH].scale
        rows, columns = np.indices(depth_m.shape)
        focal = camera.width / 2 / math.tan(math.radians(camera.fov_deg) / 2)
        left = (camera.width / 2 - columns - 0.5) * depth_m / focal
        below = (rows + 0.5 - camera.height / 2) * depth_m / focal
        cos, sin = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
        self._ego_m = np.stack(
            [camera.x_m + cos * depth_m - sin * below, camera.y_m + left], axis=-1
        )
        self._classes = frames[Modality.SEGMENTATION]

    def pixels(self, place_ego_m: Float64, reach_m: float, classes: Collection[str]) -> int:
        """How many pixels show something of some classes near a place.

        Args:
            place_ego_m: (2,), in the ego frame.
            reach_m: how far from it they may lie, on the ground.
            classes: names of segmentation classes.
        """
        wanted = [number for number, name in enumerate(SEGMENTATION_CLASSES) if name in classes]
        shown = self._ego_m[np.isin(self._classes, wanted)]
        return int((np.hypot(*(shown - place_ego_m).T) <= reach_m).sum())


def with_visibility(
    instant: Instant, state: WorldState, others: Collection[RoadUser], view: View
) -> Instant:
    """The facts of a moment, with what of them is in the image.

    Args:
        instant: the facts.
        state: the world of that moment.
        others: everybody else on the road.
        view: of that moment.
    """

    def seen(place: Point, reach_m: float, *classes: str) -> bool:
        there = world_to_ego(np.array(place), state.ego)
        return view.pixels(there, reach_m, classes) >= LEAST_PIXELS

    users = {other.user_id: other for other in others}

    def looked_for(other: OtherAhead) -> OtherAhead:
        user = users[other.user_id]
        reach_m = math.hypot(*user.extent) + AROUND_M
        return replace(other, visible=seen(user.place, reach_m, "vehicle", "pedestrian", "other"))

    light, sign = instant.light, instant.sign
    if light is not None:
        shown = next(each for each in state.lights if each.light_id == light.light_id)
        (ax, ay), (bx, by) = shown.stop_line
        light = replace(
            light,
            visible=seen(shown.location, LIGHT_REACH_M, "red_light", "yellow_light", "green_light"),
            line_visible=seen(((ax + bx) / 2, (ay + by) / 2), LINE_REACH_M, "stop_line"),
        )
    if sign is not None:
        post = next(each for each in state.stop_signs if each.sign_id == sign.sign_id)
        sign = replace(
            sign, visible=seen(post.location, LIGHT_REACH_M, "stop_sign", "traffic_sign")
        )
    return replace(
        instant,
        light=light,
        sign=sign,
        lead=None if instant.lead is None else looked_for(instant.lead),
        crossing=tuple(looked_for(each) for each in instant.crossing),
    )
