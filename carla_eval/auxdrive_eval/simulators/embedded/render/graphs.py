"""The two scene graphs: one for the image, with textures and light, and one in which each face has
its number as its colour.

Static faces are grouped into tiles, so that tiles out of view are skipped. World frame, metres.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from auxdrive.types import AnyArray, Float64, UInt8
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
from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID, Face, Layer
from auxdrive_eval.simulators.embedded.render.shapes.packing import Mesh, pack
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
_IS_SMALL, _IS_WET = np.zeros((2, 256), dtype=np.bool_)
_IS_SMALL[[CLASS_ID[name] for name in ("vegetation", "pole", "vehicle")]] = True
_IS_WET[[CLASS_ID[name] for name in ("road", "lane_marking", "stop_line")]] = True
"""The classes whose things are small, and those that rain makes wet, by class id."""


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


class Tiled:
    """Faces, packed once for both graphs and sorted into tiles.

    Args:
        faces: one or more, in the world frame.
    """

    def __init__(self, faces: Sequence[Face]) -> None:
        self.faces, self.mesh = faces, pack(faces)
        self.textures = np.array([face.texture for face in faces])
        self.is_opaque = np.array([face.alpha for face in faces]) == 1.0
        layers = np.array([face.layer for face in faces])
        small = (layers == Layer.MARKING) | (layers == Layer.KERB)
        small |= (layers == Layer.OBJECT) & _IS_SMALL[self.mesh.class_of_face]
        size_m = np.where(small, SMALL_TILE_M, TILE_M)
        x, y = (_middles(faces, self.mesh.vertex_starts) // size_m[:, None]).astype(np.int64).T
        keys, number = np.unique(
            np.column_stack([layers, x, y, small]), axis=0, return_inverse=True
        )
        self._tiles = [_Tile(Layer(key[0]), key[1], key[2], bool(key[3])) for key in keys.tolist()]
        self._tile_of_face = number.ravel()

    def in_order(self, faces: AnyArray) -> tuple[AnyArray, list[_Tile]]:
        """The tiles of some faces, in the order in which they appear.

        Args:
            faces: their numbers, (G,).

        Returns:
            The place of each face's tile in that order, (G,), and the tiles.
        """
        found, first, at = np.unique(
            self._tile_of_face[faces], return_index=True, return_inverse=True
        )
        order = np.argsort(first)
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return place[at.ravel()], [self._tiles[number] for number in found[order]]


def _middles(faces: Sequence[Face], starts: AnyArray) -> Float64:
    """The mean of each face's corners, (F, 2). The corners are added one after the other, whatever
    their number, so that a face is in the same tile beside any others.
    """
    points, counts = np.concatenate([face.points[:, :2] for face in faces]), np.diff(starts)
    middles = np.empty((len(faces), 2))
    for count in np.unique(counts):
        which = np.flatnonzero(counts == count)
        total = points[starts[which]]
        for corner in range(1, count):
            total = total + points[starts[which] + corner]
        middles[which] = total / count
    return middles


def colours_of(mesh: Mesh, light: Light, texture: str = "") -> UInt8:
    """Vertex colours of a mesh, uint8 (V, 4) RGBA.

    Args:
        mesh: all faces with the same texture.
        light: of the weather.
        texture: name of that texture. One that is darker at night is made up for here
            (`FACADE_DIMMING`).
    """
    wet = _IS_WET[mesh.class_of_face][mesh.face_of_vertex]
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
    tiled: Tiled,
    light: Light,
    textures: dict[str, Texture],
    rank: int | None = None,
) -> None:
    """Add faces to the image's graph.

    Args:
        parent: the node below which they hang, in the world frame.
        tiled: the faces.
        light: of the weather; it is part of the vertex colours, once and for all.
        textures: by the names that faces give.
        rank: of all of them; None for that of the order in which the tiles appear.
    """
    place, tiles = tiled.in_order(np.arange(len(tiled.faces)))
    names, texture = np.unique(tiled.textures, return_inverse=True)
    order = np.lexsort((texture, place))
    mesh, blocks = tiled.mesh.take(order), _Blocks(parent)
    drawables: dict[int, list[Drawable]] = defaultdict(list)
    for first, end in _runs(place[order] * len(names) + texture[order]):
        at, name = int(place[order[first]]), str(names[texture[order[first]]])
        part = mesh.part(first, end)
        state = state_of(
            tiles[at].layer,
            at if rank is None else rank,
            texture=textures[name] if name else None,
        )
        drawables[at].append((make_geom(part, colours_of(part, light, name)), state))
    for at, tile in enumerate(tiles):
        tile.attach(blocks.of(tile), drawables[at])


def attach_numbers(
    parent: NodePath, tiled: Tiled, registry: FaceRegistry, rank: int | None = None
) -> dict[Face, int]:
    """Add faces to the graph of numbers, and register their planes. Translucent faces have no
    number.

    Args:
        parent: the node below which they hang, in the world frame.
        tiled: the faces.
        registry: gives each face its number.
        rank: of all of them; None for that of the order in which the tiles appear.

    Returns:
        The number of each face that has one.
    """
    opaque = np.flatnonzero(tiled.is_opaque)
    place, tiles = tiled.in_order(opaque)
    order = np.argsort(place, kind="stable")
    mesh, blocks = tiled.mesh.take(opaque[order]), _Blocks(parent)
    (number,) = registry.register([mesh])
    for (first, end), (at, tile) in zip(_runs(place[order]), enumerate(tiles), strict=True):
        part = mesh.part(first, end)
        geom = make_geom(part, number_colours(part, number + first))
        state = state_of(tile.layer, at if rank is None else rank, plain=True)
        tile.attach(blocks.of(tile), [(geom, state)])
    return {tiled.faces[face]: number + at for at, face in enumerate(opaque[order].tolist())}


def _runs(keys: AnyArray) -> Iterator[tuple[int, int]]:
    """Where each run of equal keys begins and ends."""
    ends = [*(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
    return pairwise([0, *ends])
