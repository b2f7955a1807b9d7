"""The embedded simulator's renderer: RGB, depth, segmentation and LiDAR by Panda3D's software
rasteriser.

Frames: world and ego are right-handed, z up; the ego's origin is on the ground under its rear axle.
Legend: H, W rows and columns; F faces.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.errors import SimulatorError
from auxdrive.types import AnyArray, Float32, Float64, Pose2, UInt8
from panda3d.core import NodePath

from auxdrive_eval.simulators.embedded.render import roof_lidar as lidar
from auxdrive_eval.simulators.embedded.render.actors import Actors
from auxdrive_eval.simulators.embedded.render.atmosphere import Light, Overlay, light_of
from auxdrive_eval.simulators.embedded.render.cone import Cone
from auxdrive_eval.simulators.embedded.render.graphs import (
    SMALL_REACH_M,
    SMALL_TILE_M,
    Tiled,
    attach_image,
    attach_numbers,
)
from auxdrive_eval.simulators.embedded.render.lens import Lens
from auxdrive_eval.simulators.embedded.render.looks import Looks
from auxdrive_eval.simulators.embedded.render.planes import FaceRegistry
from auxdrive_eval.simulators.embedded.render.rasteriser import Device, Target, View, make_texture
from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID
from auxdrive_eval.simulators.embedded.render.shapes.town_faces import town_faces
from auxdrive_eval.simulators.embedded.render.sky import attach_sky
from auxdrive_eval.simulators.embedded.render.supersampling import SUPERSAMPLE, shrink
from auxdrive_eval.simulators.embedded.render.textures import make_textures
from auxdrive_eval.simulators.embedded.render.thermal import ThermalCamera
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.weather import Weather

NEAR_M, FAR_M = 0.4, 700.0
_DEPTH_LIMIT = 65535
_GLOWING = np.zeros(256, dtype=np.bool_)
_GLOWING[[CLASS_ID[f"{name}_light"] for name in ("traffic", "red", "yellow", "green")]] = True
"""The classes that night does not dim."""


class _Seen(NamedTuple):
    """What the camera sees of a scene: the face in each pixel (H, W), 1 / its depth, its class."""

    scene: Scene
    numbers: AnyArray
    inverse: Float32
    classes: UInt8


class _Built(NamedTuple):
    """What is loaded: a town in its weather, and the faces that stand in it."""

    town: Town
    weather: Weather
    faces: Tiled


class PandaRenderer:
    """Renders a town for one camera. See `auxdrive_eval.simulators.embedded.scene.Renderer`.

    Args:
        camera: in the ego frame; looks along x. `fov_deg` is required. Positive `pitch_rad` looks
            down (a right-handed rotation about y).

    Raises:
        SimulatorError: there is no field of view, or the rasteriser cannot be loaded. The drawing
            calls raise it if no town is loaded, the renderer is closed, or the scene lacks a light.
    """

    def __init__(self, camera: CameraSpec) -> None:
        if camera.fov_deg is None:
            raise SimulatorError(
                "the renderer needs the camera's horizontal field of view: before training, give "
                "it with `auxdrive ingest --fov-deg`, "
                "or as camera.fov_deg in the data set's dataset.json"
            )
        self._camera = camera
        half_width = math.tan(math.radians(camera.fov_deg) / 2)
        half_height = half_width * camera.height / camera.width
        self._rays = _pixel_rays(camera.height, camera.width, half_width, half_height)
        self._beams = lidar.beam_pattern()
        self._device: Device | None = Device()
        view = View(-half_width, half_width, -half_height, half_height, NEAR_M, FAR_M)
        self._image_root, self._number_root = NodePath("image"), NodePath("numbers")
        width, height = camera.width, camera.height
        self._rgb = Target(
            self._device,
            "rgb",
            self._image_root,
            [view],
            SUPERSAMPLE * width,
            SUPERSAMPLE * height,
        )
        self._numbers = Target(self._device, "numbers", self._number_root, [view], width, height)
        self._lidar = Target(
            self._device,
            "lidar",
            self._number_root,
            [self._beams.view] * lidar.VIEWS,
            lidar.COLUMNS,
            self._beams.rows,
        )
        for index, node in enumerate(self._lidar.cameras):
            node.set_hpr(90.0 * index, 0, 0)
            # Tiles of small things that lie entirely beyond the LiDAR's range are not drawn for it.
            node.node().set_lod_scale(SMALL_REACH_M / (lidar.RANGE_M + SMALL_TILE_M / math.sqrt(2)))
        self._town_nodes: list[NodePath] = []
        self._looks = Looks()
        self._cone, self._all_round = Cone(camera, half_width, half_height), False
        self._built: _Built | None = None
        self._actors: Actors | None = None
        self._overlay: Overlay | None = None
        self._light: Light | None = None
        self._registry = FaceRegistry.empty()
        self._thermal: ThermalCamera | None = None
        self._lens: Lens | None = None
        self._seen: _Seen | None = None

    def load(self, town: Town, weather: Weather) -> None:
        """Build the static geometry of a town, and release that of the last one. The last one in
        the same weather is there already.

        Args:
            town: what stands and lies in it.
            weather: changes only the RGB image.
        """
        self._open_device()
        built = self._built
        if built is not None and built.town is town and built.weather == weather:
            return
        self._unload()
        light = light_of(weather)
        textures = {
            name: make_texture(name, image)
            for name, image in make_textures(town.seed, light.night).items()
        }
        self._registry = FaceRegistry.empty()
        image, numbers = (
            self._image_root.attach_new_node("town"),
            self._number_root.attach_new_node("town"),
        )
        faces = Tiled(town_faces(town)) if built is None or built.town is not town else built.faces
        attach_image(image.attach_new_node("standing"), faces, light, textures)
        attach_numbers(numbers.attach_new_node("standing"), faces, self._registry)
        sky = attach_sky(self._rgb.rig, light, town.seed)
        self._town_nodes = [image, numbers, sky]
        self._actors = Actors(town, light, textures, image, numbers, self._registry, self._looks)
        self._overlay = Overlay(light, self._rays, self._camera.height, self._camera.width)
        self._thermal = ThermalCamera(light, self._rays, self._camera.height, self._camera.width)
        self._lens = Lens(light, self._rays, self._camera.height, self._camera.width)
        self._light = light
        self._built = _Built(town, weather, faces)

    def rgb(self, scene: Scene) -> UInt8:
        """uint8 (H, W, 3)."""
        overlay, light = self._show(scene)
        _, axes = self._aim(self._rgb, scene.ego)
        image = shrink(self._rgb.draw())
        inverse, glowing = None, None
        if light.needs_depth:
            inverse, classes = self._see(scene)
            glowing = _GLOWING.take(classes) if light.night > 0.0 else None
        image = overlay.apply(image, inverse, glowing, scene.time_s)
        assert self._lens is not None
        if not self._lens.is_clear:
            image = self._lens.apply(image, inverse, axes, scene.time_s)
        return np.ascontiguousarray(image)

    def depth_and_segmentation(self, scene: Scene) -> tuple[AnyArray, UInt8]:
        """Depth and segmentation.

        Returns:
            Depth, uint16 (H, W), in centimetres along the camera's axis, 65535 for the sky and
            beyond 655 m; and class ids, uint8 (H, W).
        """
        self._show(scene)
        inverse, classes = self._see(scene)
        centimetres = np.maximum(inverse, 100.0 / _DEPTH_LIMIT)
        np.divide(100.0, centimetres, out=centimetres)
        np.rint(centimetres, out=centimetres)
        return centimetres.astype(np.uint16), classes.copy()

    def infrared(self, scene: Scene) -> UInt8:
        """uint8 (H, W), see `render.thermal`."""
        self._show(scene)
        self._see(scene)
        assert self._seen is not None
        assert self._thermal is not None
        return self._thermal.image(self._seen.numbers, self._seen.inverse, self._registry)

    def lidar_points(self, scene: Scene) -> AnyArray:
        """The points of the LiDAR: 32 rings over 360 degrees, up to 60 m, less far in dense fog and
        in a downpour.

        Returns:
            float32 (N, 4): x, y, z in the ego frame (metres), and intensity 0..1.
        """
        self._all_round = True
        _, light = self._show(scene)
        ego = scene.ego
        forward, left = _heading(ego)
        x, y, z = lidar.MOUNT_M
        origin = np.array([ego.x_m, ego.y_m, 0.0]) + x * forward + y * left + (0.0, 0.0, z)
        self._lidar.rig.set_pos_hpr(*map(float, origin), math.degrees(ego.yaw_rad) - 90.0, 0, 0)
        numbers = self._lidar.draw().ravel().take(self._beams.pixels).astype(np.intp)
        axes = np.array([forward, left, (0.0, 0.0, 1.0)])
        inverse = self._registry.inverse_ranges(numbers, self._beams.directions, origin, axes)
        if light.lidar_reach < 1.0:
            inverse[inverse <= 1.0 / (light.lidar_reach * lidar.RANGE_M)] = 0.0
        return lidar.returns(self._beams, inverse, self._registry.classes.take(numbers))

    def close(self) -> None:
        """Release the images. A second call does nothing."""
        if self._device is None:
            return
        self._unload()
        for target in (self._rgb, self._numbers, self._lidar):
            target.close()
        self._device.close()
        self._device = None

    def _unload(self) -> None:
        for node in self._town_nodes:
            node.remove_node()
        self._town_nodes = []
        self._actors = self._overlay = self._light = self._thermal = self._lens = None
        self._built = self._seen = None

    def _open_device(self) -> Device:
        if self._device is None:
            raise SimulatorError("the renderer is closed; make a new one")
        return self._device

    def _loaded(self) -> tuple[Actors, Overlay, Light]:
        self._open_device()
        if self._actors is None or self._overlay is None or self._light is None:
            raise SimulatorError("no town is loaded; call load(town, weather) before drawing")
        return self._actors, self._overlay, self._light

    def _show(self, scene: Scene) -> tuple[Overlay, Light]:
        """Put into the graphs what moves. Once the LiDAR is used, also what is behind the ego."""
        actors, overlay, light = self._loaded()
        self._cone.aim(scene.ego)
        actors.show(scene, self._cone, all_round=self._all_round)
        return overlay, light

    def _aim(self, target: Target, ego: Pose2) -> tuple[Float64, Float64]:
        """Move the camera to the ego. Returns its position (3,) and axes (3, 3; the rows are right,
        forward and up) in the world.
        """
        camera = self._camera
        forward, left = _heading(ego)
        origin = np.array([ego.x_m, ego.y_m, camera.z_m]) + camera.x_m * forward + camera.y_m * left
        target.rig.set_pos_hpr(
            *map(float, origin),
            math.degrees(ego.yaw_rad) - 90.0,
            -math.degrees(camera.pitch_rad),
            0,
        )
        c, s = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
        up = np.array([0.0, 0.0, 1.0])
        return origin, np.array([-left, c * forward - s * up, s * forward + c * up])

    def _see(self, scene: Scene) -> tuple[Float32, UInt8]:
        """1 / depth, float32 (H, W), 0 for the sky, and class ids. Drawn once per scene, since fog
        and headlights need them too.
        """
        if self._seen is None or self._seen.scene is not scene:
            origin, axes = self._aim(self._numbers, scene.ego)
            numbers = self._numbers.draw()[::-1].astype(np.intp)
            inverse = self._registry.inverse_depths(
                numbers.ravel(), self._rays, origin, axes
            ).reshape(numbers.shape)
            self._seen = _Seen(scene, numbers, inverse, self._registry.classes.take(numbers))
        return self._seen.inverse, self._seen.classes


def _heading(ego: Pose2) -> tuple[Float64, Float64]:
    """Unit vectors (3,) forward and left of the ego in the world."""
    c, s = math.cos(ego.yaw_rad), math.sin(ego.yaw_rad)
    return np.array([c, s, 0.0]), np.array([-s, c, 0.0])


def _pixel_rays(height: int, width: int, half_width: float, half_height: float) -> Float32:
    """float32 (H * W, 3): (right, 1, up) of the ray through each pixel's centre, row by row from
    the top.
    """
    right = ((np.arange(width) + 0.5) / width * 2 - 1) * half_width
    up = (1 - (np.arange(height) + 0.5) / height * 2) * half_height
    rays = np.empty((3, height, width), dtype=np.float32)
    rays[0], rays[1], rays[2] = right[None, :], 1.0, up[:, None]
    return rays.reshape(3, -1).T
