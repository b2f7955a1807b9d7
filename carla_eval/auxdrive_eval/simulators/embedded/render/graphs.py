"""The two scene graphs: one for the image, with textures and light, and one in which each face has
its number as its colour.

Static faces are grouped into tiles, so that tiles out of view are skipped. World frame, metres.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from auxdrive.types import UInt8
from panda3d.core import (
    ColorAttrib,
    CullFaceAttrib,
    DepthTestAttrib,
    DepthWriteAttrib,
    LODNode,
    NodePath,
    Point3,
    ShadeModelAttrib,
    Texture,
    TransparencyAttrib,
)

from auxdrive_eval.simulators.embedded.render.atmosphere import Light, shade
from auxdrive_eval.simulators.embedded.render.planes import FaceRegistry
from auxdrive_eval.simulators.embedded.render.rasteriser import make_geom, make_node, number_colours
from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID, Face, Layer, Mesh, pack
from auxdrive_eval.simulators.embedded.render.textures import FACADE_DIMMING, FACADES

TILE_M, SMALL_TILE_M = 100.0, 60.0
"""Sides of the tiles. Smaller ones skip more faces, but cost more: the time of a frame goes into
nodes and corners, not into pixels.
"""
SMALL_REACH_M = 150.0
"""Kerbs, markings, trees, poles and parked cars in tiles farther away than this are not drawn, for
any sensor.
"""
_SMALL_CLASSES = ("vegetation", "pole", "vehicle")
_WET_CLASSES = (CLASS_ID["road"], CLASS_ID["lane_marking"], CLASS_ID["stop_line"])


def new_root(name: str) -> NodePath:
    """An empty scene graph that shows vertex colours unchanged, and only the front sides of
    faces.
    """
    root = NodePath(name)
    root.set_attrib(ColorAttrib.make_vertex())
    root.set_attrib(CullFaceAttrib.make(CullFaceAttrib.M_cull_clockwise))
    return root


def set_layer(node: NodePath, layer: Layer) -> None:
    """Paint what lies on the ground in the order of its layer, without the depth buffer; what
    stands uses the depth buffer.

    What stands is drawn in the graph's order too: Panda3D's default order is that of memory
    addresses, and which of two faces at equal depth wins would vary between runs.

    Args:
        node: the rule holds for all that is below it.
        layer: of all its faces.
    """
    node.set_bin("background", int(layer))
    if layer is not Layer.OBJECT:
        node.set_attrib(DepthTestAttrib.make(DepthTestAttrib.M_none))
        node.set_attrib(DepthWriteAttrib.make(DepthWriteAttrib.M_off))
    if layer is Layer.SHADOW:
        node.set_attrib(TransparencyAttrib.make(TransparencyAttrib.M_alpha))


class _Tile(NamedTuple):
    """What is skipped or drawn together: faces of a layer in a square of the map, either all small
    or none.
    """

    layer: Layer
    x: int
    y: int
    small: bool

    def attach(self, parent: NodePath) -> NodePath:
        """An empty node for the tile's drawables. One for small faces is drawn only within
        `SMALL_REACH_M`.
        """
        if self.small:
            lod = LODNode(f"{self.layer.name} {self.x} {self.y} small")
            lod.add_switch(SMALL_REACH_M, 0.0)
            lod.set_center(
                Point3((self.x + 0.5) * SMALL_TILE_M, (self.y + 0.5) * SMALL_TILE_M, 0.0)
            )
            node = parent.attach_new_node(lod).attach_new_node("faces")
        else:
            node = parent.attach_new_node(f"{self.layer.name} {self.x} {self.y}")
        set_layer(node, self.layer)
        return node


def _tile_of(face: Face) -> _Tile:
    # Python's own sum, which for four corners is several times faster than an array's mean.
    corners = face.points.tolist()
    x, y = (
        sum(corner[0] for corner in corners) / len(corners),
        sum(corner[1] for corner in corners) / len(corners),
    )
    small = face.layer in (Layer.MARKING, Layer.KERB) or (
        face.layer is Layer.OBJECT and face.class_name in _SMALL_CLASSES
    )
    size_m = SMALL_TILE_M if small else TILE_M
    return _Tile(face.layer, int(x // size_m), int(y // size_m), small)


def _by_tile(faces: Sequence[Face]) -> dict[_Tile, list[Face]]:
    tiles: dict[_Tile, list[Face]] = defaultdict(list)
    for face in faces:
        tiles[_tile_of(face)].append(face)
    return tiles


def colours_of(mesh: Mesh, light: Light, texture: str = "") -> UInt8:
    """Vertex colours of a mesh, uint8 (V, 4) RGBA.

    Args:
        mesh: all faces with the same texture.
        light: of the weather.
        texture: name of that texture. One that is darker at night is made up for here
            (`FACADE_DIMMING`).
    """
    wet = np.isin(mesh.class_of_face, _WET_CLASSES)[mesh.face_of_vertex]
    gain = 1.0 / (1.0 - FACADE_DIMMING * light.night) if texture in FACADES else 1.0
    return shade(
        light,
        mesh.albedo * np.array([gain, gain, gain, 1.0], dtype=np.float32),
        mesh.normals,
        mesh.emissive,
        wet,
    )


def attach_image(
    parent: NodePath, faces: Sequence[Face], light: Light, textures: dict[str, Texture]
) -> None:
    """Add faces to the image's graph.

    Args:
        parent: the node below which they hang, in the world frame.
        faces: in the world frame.
        light: of the weather; it is part of the vertex colours, once and for all.
        textures: by the names that faces give.
    """
    for tile, members in _by_tile(faces).items():
        node = tile.attach(parent)
        for texture in sorted({face.texture for face in members}):
            mesh = pack([face for face in members if face.texture == texture])
            drawn = node.attach_new_node(
                make_node(texture, [make_geom(mesh, colours_of(mesh, light, texture))])
            )
            if texture:
                drawn.set_texture(textures[texture])


def attach_numbers(
    parent: NodePath, faces: Sequence[Face], registry: FaceRegistry
) -> dict[Face, int]:
    """Add faces to the graph of numbers, and register their planes. Translucent faces have no
    number.

    Args:
        parent: the node below which they hang, in the world frame.
        faces: in the world frame.
        registry: gives each face its number.

    Returns:
        The number of each face that has one.
    """
    tiles = _by_tile([face for face in faces if face.alpha == 1.0])
    packed = [pack(members) for members in tiles.values()]
    numbers: dict[Face, int] = {}
    for tile, mesh, first in zip(tiles, packed, registry.register(packed), strict=True):
        numbers |= {face: first + place for place, face in enumerate(tiles[tile])}
        node = tile.attach(parent).attach_new_node(
            make_node("numbers", [make_geom(mesh, number_colours(mesh, first))])
        )
        node.set_attrib(ShadeModelAttrib.make(ShadeModelAttrib.M_flat))
    return numbers
