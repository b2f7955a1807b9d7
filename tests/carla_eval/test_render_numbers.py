"""Pixels name faces: every number that an image of 24 bits can hold must come back as it is."""

from __future__ import annotations

import numpy as np
from auxdrive_eval.simulators.embedded.render.graphs import state_of
from auxdrive_eval.simulators.embedded.render.rasteriser import (
    Device,
    Target,
    View,
    make_geom,
    make_node,
    number_colours,
)
from auxdrive_eval.simulators.embedded.render.shapes.faces import Face, Layer
from auxdrive_eval.simulators.embedded.render.shapes.packing import pack
from panda3d.core import NodePath

COLUMNS = 16
PIXELS = 8


def test_every_value_of_every_byte_of_a_number_comes_back() -> None:
    squares = [(i % COLUMNS, i // COLUMNS) for i in range(256)]
    faces = [
        Face(
            np.array(
                [
                    (x, 10.0, y),
                    (x + 1, 10.0, y),
                    (x + 1, 10.0, y + 1),
                    (x, 10.0, y + 1),
                ]
            ),
            (1, 1, 1),
            "building",
        )
        for x, y in squares
    ]
    root, state = NodePath("numbers"), state_of(Layer.OBJECT, plain=True)
    for index, face in enumerate(faces):
        mesh = pack([face])
        geom = make_geom(mesh, number_colours(mesh, index * 0x010101))
        root.attach_new_node(make_node("face", [(geom, state)]))
    device = Device()
    try:
        view = View(0.0, COLUMNS / 10, 0.0, COLUMNS / 10, 0.5, 100.0)
        target = Target(device, "numbers", root, [view], COLUMNS * PIXELS, COLUMNS * PIXELS)
        middles = target.draw()[PIXELS // 2 :: PIXELS, PIXELS // 2 :: PIXELS]
    finally:
        device.close()
    assert middles.ravel().tolist() == [index * 0x010101 for index in range(256)]
