"""The two scene graphs: the picture's, with textures and light, and the numbers', where each face has its number for a colour.

Static faces are grouped into tiles, so that what is out of view is culled by the tile. World frame, metres.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from auxdrive.types import AnyArray
from panda3d.core import (
    ColorAttrib,
    CullFaceAttrib,
    DepthTestAttrib,
    DepthWriteAttrib,
    NodePath,
    ShadeModelAttrib,
    Texture,
    TransparencyAttrib,
)

from auxdrive_eval.embedded.render.device import make_geom, make_node, number_colours
from auxdrive_eval.embedded.render.faces import CLASS_ID, Face, Layer, Mesh, pack
from auxdrive_eval.embedded.render.planes import FaceRegistry
from auxdrive_eval.embedded.render.weather import Light, shade

TILE_M = 48.0
_WET_CLASSES = (CLASS_ID["road"], CLASS_ID["lane_marking"])


def new_root(name: str) -> NodePath:
    """An empty scene graph that shows vertex colours as they are, front sides alone."""
    root = NodePath(name)
    root.set_attrib(ColorAttrib.make_vertex())
    root.set_attrib(CullFaceAttrib.make(CullFaceAttrib.M_cull_clockwise))
    return root


def set_layer(node: NodePath, layer: Layer) -> None:
    """Paint what lies on the ground in the order of its layer, and leave the depth buffer to what stands."""
    if layer is not Layer.OBJECT:
        node.set_bin("background", int(layer))
        node.set_attrib(DepthTestAttrib.make(DepthTestAttrib.M_none))
        node.set_attrib(DepthWriteAttrib.make(DepthWriteAttrib.M_off))
    if layer is Layer.SHADOW:
        node.set_attrib(TransparencyAttrib.make(TransparencyAttrib.M_alpha))


def _groups(faces: Sequence[Face], *, by_texture: bool) -> dict[tuple[Layer, int, int, str], list[Face]]:
    groups: dict[tuple[Layer, int, int, str], list[Face]] = defaultdict(list)
    for face in faces:
        x, y, _ = face.points.mean(axis=0)
        groups[(face.layer, int(x // TILE_M), int(y // TILE_M), face.texture if by_texture else "")].append(face)
    return groups


def colours_of(mesh: Mesh, light: Light) -> AnyArray:
    """Vertex colours of a mesh under this light."""
    wet = np.isin(mesh.class_of_face, _WET_CLASSES)[mesh.face_of_vertex]
    return shade(light, mesh.albedo, mesh.normals, mesh.emissive, wet)


def attach_picture(parent: NodePath, faces: Sequence[Face], light: Light, textures: dict[str, Texture]) -> None:
    """Add faces to the picture's graph."""
    tiles: dict[tuple[Layer, int, int], NodePath] = {}
    for (layer, x, y, texture), members in _groups(faces, by_texture=True).items():
        tile = tiles.get((layer, x, y))
        if tile is None:
            tile = tiles[(layer, x, y)] = parent.attach_new_node(f"{layer.name} {x} {y}")
            set_layer(tile, layer)
        mesh = pack(members)
        node = tile.attach_new_node(make_node(texture, [make_geom(mesh, colours_of(mesh, light))]))
        if texture:
            node.set_texture(textures[texture])


def attach_numbers(parent: NodePath, faces: Sequence[Face], registry: FaceRegistry) -> None:
    """Add faces to the numbers' graph and register their planes; translucent faces have no number."""
    groups = _groups([f for f in faces if f.alpha == 1.0], by_texture=False)
    packed = [pack(members) for members in groups.values()]
    for (layer, x, y, _), mesh, first in zip(groups, packed, registry.register(packed), strict=True):
        node = parent.attach_new_node(make_node(f"{layer.name} {x} {y}", [make_geom(mesh, number_colours(mesh, first))]))
        node.set_attrib(ShadeModelAttrib.make(ShadeModelAttrib.M_flat))
        set_layer(node, layer)
