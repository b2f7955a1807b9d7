"""What cars, people and other bodies look like: the meshes that are drawn of them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from auxdrive_eval.simulators.embedded.render.shapes import meshes
from auxdrive_eval.simulators.embedded.render.shapes.cars import PAINTS, car_faces
from auxdrive_eval.simulators.embedded.render.shapes.faces import Face, Layer
from auxdrive_eval.simulators.embedded.render.shapes.packing import Mesh, pack
from auxdrive_eval.simulators.embedded.render.shapes.people import STYLES, body_faces
from auxdrive_eval.simulators.embedded.town.model import BodyKind, BodyPose, CarPose

SECTORS = 16
"""The shading of a body is computed for the nearest of so many headings."""
MOST_LOOKS = 2000
"""How many looks from some heading are kept; the one that was used longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is drawn of a car or a body.

    Attributes:
        name: of its nodes.
        form: what its planes are.
        look: what its colours are besides.
        painted: its faces for the image, the last one a shadow.
        plain: its faces for the numbers; None for what only the image shows.
    """

    name: str
    form: Hashable
    look: Hashable
    painted: Callable[[], Sequence[Face]]
    plain: Callable[[], Sequence[Face]] | None


class Look(NamedTuple):
    """A mesh that the image shows in one layer, in its own frame; and the same one as it is lit,
    turned to its heading.
    """

    layer: Layer
    mesh: Mesh
    lit: Mesh


class Looks:
    """Meshes of bodies. They depend on no town and no weather, so a renderer keeps them from one
    town to the next.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Look, ...]] = OrderedDict()

    def of(self, shape: Shape, sector: int) -> tuple[Look, ...]:
        """What the image shows of a body.

        Args:
            shape: of the body.
            sector: its heading, in `SECTORS` of a full turn.
        """
        key = (shape.form, shape.look, sector)
        if key not in self._kept:
            if len(self._kept) >= MOST_LOOKS:
                self._kept.popitem(last=False)
            self._kept[key] = tuple(_looks(shape.painted(), sector))
        self._kept.move_to_end(key)
        return self._kept[key]


def _looks(faces: Sequence[Face], sector: int) -> list[Look]:
    found = []
    for layer in (Layer.SHADOW, Layer.OBJECT):
        members = [face for face in faces if face.layer is layer]
        if members:
            mesh = pack(members)
            turned = pack(meshes.place(members, 0, 0, sector * 2 * math.pi / SECTORS))
            found.append(Look(layer, mesh, replace(mesh, normals=turned.normals)))
    return found


def shape_of_car(car: CarPose, lit: bool) -> Shape:
    """What is drawn of a car.

    Args:
        car: which.
        lit: whether its lamps are on.
    """
    size = (round(car.length_m, 2), round(car.width_m, 2), round(car.height_m, 2))
    colour = car.colour % len(PAINTS)
    return Shape(
        f"car {car.kind}",
        (car.kind, *size),
        (colour, car.braking, lit),
        lambda: car_faces(car.kind, *size, colour, braking=car.braking, lit=lit),
        lambda: car_faces(car.kind, *size, 0),
    )


def shape_of_body(body: BodyPose) -> Shape:
    """What is drawn of somebody or something else that moves."""
    style = body.style % STYLES
    return Shape(
        f"body {body.kind}",
        (body.kind, body.step),
        style,
        lambda: body_faces(body.kind, style, body.step),
        None if body.kind is BodyKind.DIRT else lambda: body_faces(body.kind, 0, body.step),
    )
