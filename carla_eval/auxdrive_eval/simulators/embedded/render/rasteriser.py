"""Panda3D's software rasteriser behind a few calls: images in memory, vertex arrays, textures. No
window, no tasks, no global scene.

Legend: H, W rows and columns of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.types import AnyArray, UInt8
from panda3d.core import (
    Camera,
    CullBinManager,
    FrameBufferProperties,
    Geom,
    GeomNode,
    GeomTriangles,
    GeomVertexArrayFormat,
    GeomVertexData,
    GeomVertexFormat,
    GraphicsEngine,
    GraphicsOutput,
    GraphicsPipe,
    GraphicsPipeSelection,
    InternalName,
    NodePath,
    PerspectiveLens,
    RenderState,
    Texture,
    TypeRegistry,
    WindowProperties,
    load_prc_file_data,
)

from auxdrive_eval.simulators.embedded.render.shapes.packing import Mesh

# Set before the first pipe is made; Panda3D keeps it for the whole process.
load_prc_file_data(
    "auxdrive",
    "load-display p3tinydisplay\naudio-library-name null\nnotify-level-x11display fatal\n",
)
# By default Panda3D draws in the order of memory addresses. Where two faces are equally far away
# the first one wins, so images would vary between runs. In the graph's own order they do not.
CullBinManager.get_global_ptr().set_bin_type("opaque", CullBinManager.BT_unsorted)

_SHIFT_PX = (0.2, 0.3)
"""How many pixels too far left and up the rasteriser draws edges on average (measured with edges at
known places).
"""

_VERTEX = np.dtype([("position", "<f4", 4), ("colour", "<f4", 4), ("uv", "<f4", 2)])
"""Positions with a fourth coordinate of 1, and colours as floats: the rasteriser reads them as they
are. With three coordinates and bytes it takes a fifth longer for an image.
"""


@cache
def _vertex_format() -> GeomVertexFormat:
    array = GeomVertexArrayFormat()
    array.add_column(InternalName.get_vertex(), 4, Geom.NT_float32, Geom.C_point)
    array.add_column(InternalName.get_color(), 4, Geom.NT_float32, Geom.C_color)
    array.add_column(InternalName.get_texcoord(), 2, Geom.NT_float32, Geom.C_texcoord)
    layout = GeomVertexFormat()
    layout.add_array(array)
    return GeomVertexFormat.register_format(layout)


Drawable = tuple[Geom, RenderState]
"""A mesh, and how it is drawn."""


def make_geom(mesh: Mesh, colours: UInt8) -> Geom:
    """A drawable of a mesh.

    Args:
        mesh: its corners, faces and texture coordinates; its own colours are not used.
        colours: of its vertices, uint8 (V, 4) RGBA.
    """
    table = np.empty(len(mesh.positions), dtype=_VERTEX)
    table["position"][:, :3], table["position"][:, 3] = mesh.positions, 1.0
    # as the rasteriser itself would make floats of bytes, to the last bit
    table["colour"], table["uv"] = colours * np.float32(1 / 255), mesh.uvs
    data = GeomVertexData("mesh", _vertex_format(), Geom.UH_static)
    data.unclean_set_num_rows(len(table))
    data.modify_array_handle(0).copy_data_from(table.tobytes())
    triangles = GeomTriangles(Geom.UH_static)
    wide = len(table) > 65535
    triangles.set_index_type(Geom.NT_uint32 if wide else Geom.NT_uint16)
    indices = triangles.modify_vertices()
    indices.unclean_set_num_rows(mesh.triangles.size)
    indices.modify_handle().copy_data_from(
        mesh.triangles.astype("<u4" if wide else "<u2").tobytes()
    )
    geom = Geom(data)
    geom.add_primitive(triangles)
    return geom


def number_colours(mesh: Mesh, first: int) -> UInt8:
    """Vertex colours, uint8 (V, 4), that write each face's number into an image's pixels: the
    fourth byte is 0.

    Args:
        mesh: the faces, which are numbered in its order.
        first: number of its first face.
    """
    numbers = mesh.face_of_vertex.astype(np.int64) + first
    return np.column_stack(
        [numbers >> 16, (numbers >> 8) & 255, numbers & 255, np.zeros_like(numbers)]
    ).astype(np.uint8)


def make_texture(name: str, image: UInt8) -> Texture:
    """A repeating texture with mipmaps.

    Args:
        name: for Panda3D's messages.
        image: uint8 (S, S, 3) RGB, row 0 at the top.
    """
    texture = Texture(name)
    height, width, _ = image.shape
    texture.setup_2d_texture(width, height, Texture.T_unsigned_byte, Texture.F_rgb)
    texture.set_ram_image_as(image[::-1].tobytes(), "RGB")
    texture.set_wrap_u(Texture.WM_repeat)
    texture.set_wrap_v(Texture.WM_repeat)
    texture.set_minfilter(Texture.FT_nearest_mipmap_nearest)
    texture.set_magfilter(Texture.FT_nearest)
    return texture


@dataclass(frozen=True, slots=True)
class View:
    """A perspective view: limits of the image as tangents (right/forward, up/forward), and the near
    and far planes in metres.
    """

    left: float
    right: float
    bottom: float
    top: float
    near_m: float
    far_m: float


def _lens(view: View, width: int, height: int) -> PerspectiveLens:
    """A lens with these limits, shifted by the rasteriser's error in an image of this size
    (`_SHIFT_PX`).
    """
    lens = PerspectiveLens()
    lens.set_focal_length(1.0)
    lens.set_film_size(view.right - view.left, view.top - view.bottom)
    right_m, up_m = (
        _SHIFT_PX[0] * (view.right - view.left) / width,
        _SHIFT_PX[1] * (view.top - view.bottom) / height,
    )
    lens.set_film_offset(
        0.5 * (view.left + view.right) - right_m, 0.5 * (view.bottom + view.top) + up_m
    )
    lens.set_near_far(view.near_m, view.far_m)
    return lens


class Target:
    """An image in memory that shows a scene graph in one view or more, side by side from left to
    right.

    Args:
        device: the rasteriser that draws it.
        name: for Panda3D's messages.
        scene: root of the graph that it shows. The rig, which carries the cameras, is attached to
            it.
        views: from left to right.
        width: of one view, pixels.
        height: of one view, pixels.
    """

    def __init__(
        self,
        device: Device,
        name: str,
        scene: NodePath,
        views: Sequence[View],
        width: int,
        height: int,
    ) -> None:
        self._device = device
        self._shape = (height, width * len(views))
        self._buffer = device.make_buffer(name, *self._shape[::-1])
        self._texture = Texture(name)
        self._buffer.add_render_texture(
            self._texture, GraphicsOutput.RTM_copy_ram, GraphicsOutput.RTP_color
        )
        self._buffer.set_clear_color((0, 0, 0, 0))
        self._buffer.set_active(False)
        self.rig = scene.attach_new_node(f"{name} rig")
        self.cameras: list[NodePath] = []
        for i, view in enumerate(views):
            camera = self.rig.attach_new_node(Camera(f"{name} {i}", _lens(view, width, height)))
            region = self._buffer.make_display_region(i / len(views), (i + 1) / len(views), 0, 1)
            region.set_camera(camera)
            self.cameras.append(camera)

    def draw(self) -> AnyArray:
        """Draw and return the image: uint32 (H, W), 0xAARRGGBB, row 0 at the BOTTOM. Valid until
        the next call.
        """
        self._buffer.set_active(True)
        self._device.engine.render_frame()
        self._buffer.set_active(False)
        return np.frombuffer(self._texture.get_ram_image(), dtype="<u4").reshape(self._shape)

    def close(self) -> None:
        """Release the image's memory."""
        self._device.engine.remove_window(self._buffer)
        self.rig.remove_node()


class Device:
    """The rasteriser and its images.

    Raises:
        SimulatorError: Panda3D's software renderer cannot be loaded.
    """

    def __init__(self) -> None:
        selection = GraphicsPipeSelection.get_global_ptr()
        selection.load_aux_modules()  # loads p3tinydisplay and registers its type
        kind = TypeRegistry.ptr().find_type("TinyOffscreenGraphicsPipe")
        pipe = selection.make_pipe(kind) if kind else None
        if pipe is None:
            raise SimulatorError(
                "Panda3D's software renderer (p3tinydisplay) cannot be loaded; reinstall the "
                "'panda3d' package, or, where the system lacks it, X11's library, which it is "
                "linked with (libX11.so.6; on Debian and Ubuntu the package libx11-6)"
            )
        self._pipe = pipe
        self.engine = GraphicsEngine(pipe)

    def make_buffer(self, name: str, width: int, height: int) -> GraphicsOutput:
        """An offscreen image.

        Args:
            name: for Panda3D's messages.
            width: in pixels.
            height: in pixels.

        Raises:
            SimulatorError: the rasteriser cannot make an image of that size.
        """
        properties = FrameBufferProperties()
        properties.set_rgba_bits(8, 8, 8, 8)
        properties.set_depth_bits(24)
        buffer = self.engine.make_output(
            self._pipe,
            name,
            0,
            properties,
            WindowProperties.size(width, height),
            GraphicsPipe.BF_refuse_window,
        )
        if buffer is None:
            raise SimulatorError(
                f"the software renderer cannot make an image of {width} x {height} pixels; choose "
                "a smaller camera"
            )
        return buffer

    def close(self) -> None:
        """Release every image."""
        self.engine.remove_all_windows()


def make_node(name: str, drawables: Sequence[Drawable]) -> GeomNode:
    """A node with drawables.

    Args:
        name: for Panda3D's messages.
        drawables: what it draws, in this order.
    """
    node = GeomNode(name)
    for geom, state in drawables:
        node.add_geom(geom, state)
    return node
