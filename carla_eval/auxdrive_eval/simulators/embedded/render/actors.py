"""What moves or changes in a loaded town: cars, people and the lamps of traffic lights."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain

from auxdrive.errors import SimulatorError
from panda3d.core import NodePath, Texture

from auxdrive_eval.simulators.embedded.render.atmosphere import Light
from auxdrive_eval.simulators.embedded.render.cone import Cone
from auxdrive_eval.simulators.embedded.render.graphs import (
    LAMPS_RANK,
    MOVING_RANK,
    Tiled,
    attach_image,
    attach_numbers,
    colours_of,
    state_of,
)
from auxdrive_eval.simulators.embedded.render.looks import (
    SECTORS,
    Looks,
    Shape,
    shape_of_body,
    shape_of_car,
)
from auxdrive_eval.simulators.embedded.render.planes import FaceRegistry
from auxdrive_eval.simulators.embedded.render.rasteriser import make_geom, make_node, number_colours
from auxdrive_eval.simulators.embedded.render.shapes import bodies, meshes
from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID, Face, Heat, Layer
from auxdrive_eval.simulators.embedded.render.shapes.packing import PlaneTable, pack
from auxdrive_eval.simulators.embedded.render.shapes.town_faces import HEAD_CENTRE_M, light_posts
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import BodyPose, CarPose, Town
from auxdrive_eval.world import LightColour

CAR_REACH_M = 150.0
"""Cars and people beyond this distance from the ego are not drawn."""
_LAMP_ORDER = (LightColour.RED, LightColour.YELLOW, LightColour.GREEN)


@dataclass(slots=True)
class _Numbered:
    node: NodePath
    first: int
    planes: PlaneTable


class Actors:
    """Shows cars, people and lamps. Cars and people come from a pool: a mesh is built when a body
    is seen for the first time, and kept until another town is loaded.

    Args:
        town: whose lights it shows.
        light: of the weather; it is part of the colours that meshes are built with.
        textures: by the names that faces give.
        image: root of the town's nodes in the graph of the image.
        numbers: root of the town's nodes in the graph of numbers.
        registry: of the town's faces. Those of cars, people and lamps are added to it, and moved
            in it.
        looks: of cars and people.
    """

    def __init__(
        self,
        town: Town,
        light: Light,
        textures: dict[str, Texture],
        image: NodePath,
        numbers: NodePath,
        registry: FaceRegistry,
        looks: Looks,
    ) -> None:
        self._light, self._registry, self._looks = light, registry, looks
        self._painted: dict[Hashable, list[NodePath]] = {}
        self._numbered: dict[Hashable, list[_Numbered]] = {}
        self._lamps: dict[int, dict[LightColour, NodePath]] = {}
        self._lit: dict[int, LightColour] = {}
        self._fronts: dict[int, list[int]] = {}
        self._lenses: dict[tuple[int, LightColour], list[int]] = {}
        # What moves has nodes of its own: Panda3D sums up the bounds of all its neighbours again.
        self._hang_lamps(
            town, textures, image.attach_new_node("lamps"), numbers.attach_new_node("lamps")
        )
        self._image = image.attach_new_node("moving")
        self._numbers = numbers.attach_new_node("moving")
        self._shown: Scene | None = None
        self._is_all_round = False
        self._visible: list[NodePath] = []

    def _hang_lamps(
        self, town: Town, textures: dict[str, Texture], image: NodePath, numbers: NodePath
    ) -> None:
        for light_id, posts in light_posts(town).items():
            heads: dict[LightColour, NodePath] = {}
            for lit, colour in enumerate(_LAMP_ORDER):
                faces = [face for post in posts for face in _head(post, lit, town.kerb_height_m)]
                heads[colour] = image.attach_new_node(f"light {light_id} {colour}")
                attach_image(heads[colour], Tiled(faces), self._light, textures, LAMPS_RANK)
                heads[colour].hide()
            self._lamps[light_id] = heads
            unlit = [_head(post, None, town.kerb_height_m) for post in posts]
            tiled = Tiled(list(chain(*unlit)))
            number_of = attach_numbers(numbers, tiled, self._registry, LAMPS_RANK)
            fronts = chain(*(head[bodies.HEAD_SIDES :] for head in unlit))
            self._fronts[light_id] = [number_of[face] for face in fronts]
            for index, colour in enumerate(_LAMP_ORDER):
                lenses = [head[bodies.LENSES][index] for head in unlit]
                self._lenses[light_id, colour] = [number_of[face] for face in lenses]

    def show(self, scene: Scene, cone: Cone, *, all_round: bool) -> None:
        """Put the scene's cars, people and lamps into both graphs. Showing the same object again
        costs nothing.

        Args:
            scene: what is there.
            cone: what the camera may show, aimed already; cars beyond it are left out.
            all_round: whether they are in the graph of numbers nevertheless.
        """
        if scene is self._shown and (self._is_all_round or not all_round):
            return
        self._is_all_round = all_round
        self._show_lamps(scene)
        for node in self._visible:
            node.detach_node()
        self._visible = []
        used: dict[Hashable, int] = {}
        for car in scene.cars:
            if math.hypot(car.x_m - scene.ego.x_m, car.y_m - scene.ego.y_m) >= CAR_REACH_M:
                continue
            reach_m = math.hypot(car.length_m, car.width_m) / 2 + car.height_m
            in_view = cone.may_show(car.x_m, car.y_m, reach_m)
            if in_view or all_round:
                shape = shape_of_car(car, self._light.dark > 0.0)
                self._show_one(shape, car, used, in_image=in_view)
        for body in scene.bodies:
            if math.hypot(body.x_m - scene.ego.x_m, body.y_m - scene.ego.y_m) < CAR_REACH_M:
                self._show_one(shape_of_body(body), body, used)
        self._shown = scene

    def _show_lamps(self, scene: Scene) -> None:
        for light_id, heads in self._lamps.items():
            if light_id not in scene.lights:
                raise SimulatorError(
                    f"the scene does not say which colour light {light_id} shows; Scene.lights "
                    "needs every light of the town"
                )
            colour, before = scene.lights[light_id], self._lit.get(light_id)
            if colour is not before:
                heads[colour].show()
                if before is not None:
                    heads[before].hide()
                    self._registry.heats[self._lenses[light_id, before]] = Heat.AS_CLASS
                self._registry.heats[self._lenses[light_id, colour]] = Heat.LIT_LENS
                self._lit[light_id] = colour
                self._registry.classes[self._fronts[light_id]] = CLASS_ID[f"{colour}_light"]

    def _show_one(
        self,
        shape: Shape,
        at: CarPose | BodyPose,
        used: dict[Hashable, int],
        *,
        in_image: bool = True,
    ) -> None:
        if in_image:
            sector = round(at.yaw_rad / (2 * math.pi) * SECTORS) % SECTORS
            paint = (shape.form, shape.look, sector)
            painted = self._painted.setdefault(paint, [])
            index = used[paint] = used.get(paint, -1) + 1
            if index == len(painted):
                painted.append(self._paint(shape, sector))
            self._put(self._image, painted[index], at)
        if shape.plain is None:
            return
        numbered = self._numbered.setdefault(shape.form, [])
        index = used[shape.form] = used.get(shape.form, -1) + 1
        if index == len(numbered):
            numbered.append(self._number(shape.name, shape.plain()))
        numbers = numbered[index]
        self._put(self._numbers, numbers.node, at)
        self._registry.place(numbers.first, numbers.planes, at.x_m, at.y_m, at.yaw_rad)

    def _put(self, graph: NodePath, node: NodePath, at: CarPose | BodyPose) -> None:
        # drawn in the scene's order, whichever cars were seen before
        node.reparent_to(graph, len(self._visible))
        node.set_pos_hpr(at.x_m, at.y_m, 0, math.degrees(at.yaw_rad), 0, 0)
        self._visible.append(node)

    def _paint(self, shape: Shape, sector: int) -> NodePath:
        """What the image shows."""
        drawables = [
            (make_geom(mesh, colours_of(lit, self._light)), state_of(layer, MOVING_RANK))
            for layer, mesh, lit in self._looks.of(shape, sector)
        ]
        return NodePath(make_node(shape.name, drawables))

    def _number(self, name: str, faces: Sequence[Face]) -> _Numbered:
        mesh = pack([f for f in faces if f.alpha == 1.0])
        first = self._registry.register([mesh])[0]
        geom = make_geom(mesh, number_colours(mesh, first))
        node = NodePath(make_node(name, [(geom, state_of(Layer.OBJECT, MOVING_RANK, plain=True))]))
        return _Numbered(node, first, mesh.planes)


def _head(post: tuple[float, float, float], lit: int | None, kerb_m: float) -> list[Face]:
    x, y, yaw = post
    ahead_x, ahead_y = 0.2 * math.cos(yaw), 0.2 * math.sin(yaw)  # in front of the post
    return meshes.place(
        bodies.light_head(lit), x + ahead_x, y + ahead_y, yaw, HEAD_CENTRE_M + kerb_m
    )
