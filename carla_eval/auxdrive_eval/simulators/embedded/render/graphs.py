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
    CullBinAttrib,
    CullFaceAttrib,
    DepthTestAttrib,
    DepthWriteAttrib,
    LODNode,
    NodePath,
    Point3,
    RenderState,
    ShadeModelAttrib,
    Texture,
    TextureAttrib,
    TransparencyAttrib,
)

from auxdrive_eval.simulators.embedded.render.atmosphere import Light, shade
from auxdrive_eval.simulators.embedded.render.planes import FaceRegistry
from auxdrive_eval.simulators.embedded.render.rasteriser import (
    Drawable,
    make_geom,
    make_node,
    number_colours,
)
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
_BLOCK_M = 150.0
"""Side of the squares whose tiles hang under one node, and are passed over at once."""
LAMPS_RANK, MOVING_RANK = 65534, 65535
"""When lamps and what moves are drawn within their layer: after all that stands."""
_RANKS = 65536
_SMALL_CLASSES = ("vegetation", "pole", "vehicle")
_WET_CLASSES = (CLASS_ID["road"], CLASS_ID["lane_marking"], CLASS_ID["stop_line"])


def state_of(
    layer: Layer, rank: int = 0, *, texture: Texture | None = None, plain: bool = False
) -> RenderState:
    """How the faces of a layer are drawn: vertex colours as they are, front sides alone. What lies
    on the ground is painted in the order of its layer, without the depth buffer; what stands uses
    the depth buffer.

    Within a layer all is drawn by rank, and then in the graph's order: Panda3D's default order is
    that of memory addresses, and which of two faces at equal depth wins would vary between runs.

    It is the state of drawables, and no node has one: Panda3D would put the two together for each
    node and image.

    Args:
        layer: of all the faces.
        rank: of the drawable in its layer; below `_RANKS`.
        texture: of all the faces; None for none.
        plain: whether each face has one colour.
    """
    state = RenderState.make(
        ColorAttrib.make_vertex(),
        CullFaceAttrib.make(CullFaceAttrib.M_cull_clockwise),
        CullBinAttrib.make("background", int(layer) * _RANKS + rank),
    )
    if layer is not Layer.OBJECT:
        state = state.set_attrib(DepthTestAttrib.make(DepthTestAttrib.M_none))
        state = state.set_attrib(DepthWriteAttrib.make(DepthWriteAttrib.M_off))
    if layer is Layer.SHADOW:
        state = state.set_attrib(TransparencyAttrib.make(TransparencyAttrib.M_alpha))
    if texture is not None:
        state = state.set_attrib(TextureAttrib.make(texture))
    if plain:
        state = state.set_attrib(ShadeModelAttrib.make(ShadeModelAttrib.M_flat))
    return state


class _Tile(NamedTuple):
    """What is skipped or drawn together: faces of a layer in a square of the map, either all small
    or none.
    """

    layer: Layer
    x: int
    y: int
    small: bool

    @property
    def block(self) -> tuple[int, int]:
        """The block in whose square its middle is."""
        size_m = SMALL_TILE_M if self.small else TILE_M
        return int((self.x + 0.5) * size_m // _BLOCK_M), int((self.y + 0.5) * size_m // _BLOCK_M)

    def attach(self, parent: NodePath, drawables: Sequence[Drawable]) -> None:
        """Add a node with the tile's drawables. One with small faces is drawn only within
        `SMALL_REACH_M`.
        """
        name = f"{self.layer.name} {self.x} {self.y}"
        if self.small:
            lod = LODNode(f"{name} small")
            lod.add_switch(SMALL_REACH_M, 0.0)
            lod.set_center(
                Point3((self.x + 0.5) * SMALL_TILE_M, (self.y + 0.5) * SMALL_TILE_M, 0.0)
            )
            parent = parent.attach_new_node(lod)
        parent.attach_new_node(make_node(name, drawables))


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


class _Blocks:
    """The nodes below a node that group tiles by squares of the map."""

    def __init__(self, parent: NodePath) -> None:
        self._parent = parent
        self._nodes: dict[tuple[int, int], NodePath] = {}

    def of(self, tile: _Tile) -> NodePath:
        """The node of a tile's block."""
        if tile.block not in self._nodes:
            self._nodes[tile.block] = self._parent.attach_new_node(
                "block {} {}".format(*tile.block)
            )
        return self._nodes[tile.block]


def attach_image(
    parent: NodePath,
    faces: Sequence[Face],
    light: Light,
    textures: dict[str, Texture],
    rank: int | None = None,
) -> None:
    """Add faces to the image's graph.

    Args:
        parent: the node below which they hang, in the world frame.
        faces: in the world frame.
        light: of the weather; it is part of the vertex colours, once and for all.
        textures: by the names that faces give.
        rank: of all of them; None for that of the order in which the tiles appear.
    """
    blocks = _Blocks(parent)
    for place, (tile, members) in enumerate(_by_tile(faces).items()):
        drawables = []
        for texture in sorted({face.texture for face in members}):
            mesh = pack([face for face in members if face.texture == texture])
            state = state_of(
                tile.layer,
                place if rank is None else rank,
                texture=textures[texture] if texture else None,
            )
            drawables.append((make_geom(mesh, colours_of(mesh, light, texture)), state))
        tile.attach(blocks.of(tile), drawables)


def attach_numbers(
    parent: NodePath, faces: Sequence[Face], registry: FaceRegistry, rank: int | None = None
) -> dict[Face, int]:
    """Add faces to the graph of numbers, and register their planes. Translucent faces have no
    number.

    Args:
        parent: the node below which they hang, in the world frame.
        faces: in the world frame.
        registry: gives each face its number.
        rank: of all of them; None for that of the order in which the tiles appear.

    Returns:
        The number of each face that has one.
    """
    tiles = _by_tile([face for face in faces if face.alpha == 1.0])
    packed = [pack(members) for members in tiles.values()]
    numbers: dict[Face, int] = {}
    blocks = _Blocks(parent)
    for place, (tile, mesh, first) in enumerate(
        zip(tiles, packed, registry.register(packed), strict=True)
    ):
        numbers |= {face: first + index for index, face in enumerate(tiles[tile])}
        geom = make_geom(mesh, number_colours(mesh, first))
        state = state_of(tile.layer, place if rank is None else rank, plain=True)
        tile.attach(blocks.of(tile), [(geom, state)])
    return numbers
