"""What the test server's cameras see where the embedded simulator draws it: the roads of the town's
OpenDRIVE file with vehicles, walkers and lights where the server has them.

`python -m carla_server --town Town02 --xodr FOLDER --scene carla_eval.rendered_scene:Rendered`
"""

from __future__ import annotations

import math

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.frames import carla_pose_to_world
from auxdrive.types import Pose2
from auxdrive_eval.road_maps.carla_map import CarlaRoadMap
from auxdrive_eval.simulators.embedded.opendrive.town import town_of_map
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import (
    CAR_COLOURS,
    BodyKind,
    BodyPose,
    CarKind,
    CarPose,
    Town,
)
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import LightColour
from carla_server.actors import Actor
from carla_server.geometry import Pose
from carla_server.scene import Image, PlainScene, View

SHOWS = (LightColour.RED, LightColour.YELLOW, LightColour.GREEN)
"""By the server's number of what a light shows."""
AT_LINE_M = 8.0
"""A light of the server is that of a stop line at most this far away."""
STEP_S = 0.05


class Rendered(PlainScene):
    """RGB cameras see the town by day; other sensors see the plain pattern. There is one renderer:
    all cameras have the size, height and field of view of the first.
    """

    def __init__(self) -> None:
        self._renderer: PandaRenderer | None = None
        self._camera: CameraSpec | None = None
        self._town: Town | None = None
        self._loaded = ""

    def image(self, view: View) -> Image:
        """What the camera sees.

        Args:
            view: what the camera looks from.

        Returns:
            Shape (height, width, 4), BGRA.
        """
        if view.blueprint != "sensor.camera.rgb":
            return super().image(view)
        renderer = self._renderer_of(view)
        rgb = renderer.rgb(self._scene(view))
        pixels = np.full((*rgb.shape[:2], 4), 255, np.uint8)
        pixels[..., :3] = rgb[..., ::-1]
        return pixels

    def _renderer_of(self, view: View) -> PandaRenderer:
        camera = _camera(view)
        if camera != self._camera:
            if self._renderer is not None:
                self._renderer.close()
            self._renderer, self._camera, self._loaded = PandaRenderer(camera), camera, ""
        assert self._renderer is not None
        if view.town.name != self._loaded:
            self._town = town_of_map(CarlaRoadMap(view.town.map, view.town.xodr)).town
            self._renderer.load(self._town, Weather())
            self._loaded = view.town.name
        return self._renderer

    def _scene(self, view: View) -> Scene:
        assert self._town is not None
        seen = [actor for actor in view.actors if actor.id != view.sensor.parent]
        lights = [actor for actor in seen if actor.blueprint == "traffic.traffic_light"]
        shown = {
            number: _colour(light.stop_line, lights) for number, light in self._town.lights.items()
        }
        cars = [actor for actor in seen if actor.kind == "vehicle"]
        walkers = [actor for actor in seen if actor.kind == "walker"]
        return Scene(
            view.frame * STEP_S,
            _pose(view.sensor.pose),
            tuple(_car(actor) for actor in cars),
            shown,
            tuple(_walker(actor) for actor in walkers),
        )


def _camera(view: View) -> CameraSpec:
    """The camera at the place of the sensor itself; the renderer's ego then stands there."""
    width, height = view.size
    parent = next((each for each in view.actors if each.id == view.sensor.parent), view.sensor)
    up_m = view.pose.location[2] - (parent.pose.location[2] if parent is not view.sensor else 0.0)
    pitch_rad = -math.radians(view.sensor.local.rotation[0])
    fov_deg = float(view.sensor.attribute("fov", "90"))
    return CameraSpec(
        width=width, height=height, fov_deg=fov_deg, z_m=round(up_m, 3), pitch_rad=pitch_rad
    )


def _pose(pose: Pose) -> Pose2:
    return carla_pose_to_world(pose.location[0], pose.location[1], pose.rotation[1])


def _car(actor: Actor) -> CarPose:
    place = _pose(actor.pose)
    length, width, height = (2 * half for half in actor.box.extent)
    return CarPose(
        actor.id,
        CarKind.VAN if height > 1.9 else CarKind.SEDAN,
        place.x_m,
        place.y_m,
        place.yaw_rad,
        length,
        width,
        height,
        actor.id % CAR_COLOURS,
        actor.control.brake > 0,
    )


def _walker(actor: Actor) -> BodyPose:
    place = _pose(actor.pose)
    kind = BodyKind.PEDESTRIAN
    return BodyPose(actor.id, kind, place.x_m, place.y_m, place.yaw_rad, actor.id)


def _colour(
    line: tuple[tuple[float, float], tuple[float, float]], lights: list[Actor]
) -> LightColour:
    """What the server's light at a stop line shows; green where there is none."""
    middle = np.mean(line, axis=0)

    def away_m(actor: Actor) -> float:
        x, y, _ = actor.pose.point(actor.box.location)
        return math.dist((x, -y), middle.tolist())

    nearest = min(lights, key=away_m, default=None)
    if nearest is None or away_m(nearest) > AT_LINE_M:
        return LightColour.GREEN
    return SHOWS[nearest.phase.shows]
