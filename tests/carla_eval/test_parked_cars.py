"""A parked car has the same body when it is drawn, named and measured."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive_eval.simulators.embedded.ego.obstacles import StaticObstacles
from auxdrive_eval.simulators.embedded.render.shapes import meshes
from auxdrive_eval.simulators.embedded.render.shapes.cars import PAINTS, car_faces
from auxdrive_eval.simulators.embedded.render.shapes.town_faces import _prop
from auxdrive_eval.simulators.embedded.town.generate import town_from_name
from auxdrive_eval.simulators.embedded.town.model import (
    CAR_COLOURS,
    CAR_SIZES_M,
    CarKind,
    Prop,
    PropKind,
)


def test_every_parked_car_is_drawn_as_the_body_that_its_box_and_its_name_are_of() -> None:
    town = town_from_name("EmbeddedTown0005")
    obstacles = StaticObstacles(town)
    parked = [prop for prop in town.props if prop.kind is PropKind.PARKED_CAR]
    assert {prop.car for prop in parked} == set(CarKind)
    assert len({prop.style for prop in parked}) == CAR_COLOURS == len(PAINTS)
    for prop in parked:
        assert prop.car is not None
        assert (prop.length_m, prop.width_m, prop.height_m) == CAR_SIZES_M[prop.car]
        assert obstacles.types[prop.prop_id][1] == f"vehicle.{prop.car.value}"
        drawn = _prop(prop)
        expected = meshes.place(
            car_faces(prop.car, *CAR_SIZES_M[prop.car], prop.style),
            prop.x_m,
            prop.y_m,
            prop.yaw_rad,
        )
        assert len(drawn) == len(expected)
        for face, wanted in zip(drawn, expected, strict=True):
            assert np.array_equal(face.points, wanted.points)
            assert face.colour == wanted.colour


def test_a_body_belongs_to_parked_cars_alone() -> None:
    with pytest.raises(ValueError, match="parked car"):
        Prop(0, PropKind.PARKED_CAR, 0.0, 0.0, 0.0, 4.5, 1.8, 1.45, 0)
    with pytest.raises(ValueError, match="parked car"):
        Prop(0, PropKind.TREE, 0.0, 0.0, 0.0, 0.5, 0.5, 6.0, 0, CarKind.VAN)
