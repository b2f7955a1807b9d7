"""Predictions drawn on images: the projection by the card's calibration, and what is said below."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec
from auxdrive.commands.predict import predict
from auxdrive.inspection.overlay import (
    FLAGGED,
    PREDICTED,
    TARGET,
    Shown,
    overlay,
    prediction_on_image,
    project,
)
from auxdrive.tasks import TASKS
from auxdrive.tasks.base import Drawing
from auxdrive.types import Flag, Prediction
from PIL import Image

CAMERA = CameraSpec(width=200, height=100, fov_deg=90.0, x_m=1.0, y_m=0.5, z_m=1.5)
GREY = np.full((100, 200, 3), 90, np.uint8)


def test_points_of_the_ground_by_hand() -> None:
    """With 90 degrees the focal length is half the width: 100 pixels."""
    points = np.array([[11.0, 0.5], [11.0, 5.5], [2.0, 0.5], [1.2, 0.5], [-5.0, 0.0]])
    pixels = project(points, CAMERA)
    assert pixels is not None
    np.testing.assert_allclose(pixels[0], (100.0, 50.0 + 100 * 1.5 / 10))
    np.testing.assert_allclose(pixels[1], (100.0 - 50.0, 65.0))  # left of the car is left
    np.testing.assert_allclose(pixels[2], (100.0, 200.0))
    assert np.isnan(pixels[3:]).all()  # nearer than 0.3 m, and behind


def test_a_camera_that_looks_down_sees_the_ground_higher_up() -> None:
    down = CAMERA.model_copy(update={"pitch_rad": math.atan2(1.5, 10.0)})
    pixels = project(np.array([[11.0, 0.5]]), down)
    assert pixels is not None
    np.testing.assert_allclose(pixels[0], (100.0, 50.0), atol=1e-9)  # it looks at that very point


@pytest.mark.parametrize("unknown", [{"fov_deg": None}, {"z_m": 0.0}])
def test_without_a_calibration_the_path_is_seen_from_above(unknown: dict[str, object]) -> None:
    camera = CAMERA.model_copy(update=unknown)
    assert project(np.zeros((1, 2)), camera) is None
    path = Drawing("", np.array([[0, 0], [5, 0], [10, 1]], np.float32), marks=True)
    image = overlay(GREY, camera, [Shown(path, PREDICTED)])
    corner = image[:100, -110:]
    assert (corner == (255, 255, 255)).all(axis=-1).mean() > 0.3
    assert (corner == PREDICTED).all(axis=-1).any()


def test_a_path_stands_where_it_is_projected() -> None:
    path = Drawing("", np.array([[0, 0.5], [11, 0.5]], np.float32), marks=True)
    image = overlay(GREY, CAMERA, [Shown(path, PREDICTED)], target_ego_m=(21.0, 10.5))
    drawn = (image[:300] == PREDICTED).all(axis=-1)
    rows, columns = np.nonzero(drawn)
    scale = image.shape[1] // 200
    assert abs(columns.mean() / scale - 100.0) < 1.5
    assert abs(rows.min() / scale - 65.0) < 4  # the mark at its end
    diamond = np.argwhere((image == TARGET).all(axis=-1)).mean(axis=0) / scale
    np.testing.assert_allclose(diamond, (57.5, 50.0), atol=1.0)


def test_all_images_of_a_camera_have_one_even_size() -> None:
    card_camera = CameraSpec(width=161, height=91, fov_deg=90.0, z_m=1.0)
    image = np.zeros((91, 161, 3), np.uint8)
    task = TASKS["steering"]
    made = [
        prediction_on_image(image, Prediction(0.0, 1.0, steer_rad=angle), task, card_camera, {})
        for angle in (0.0, 0.6)
    ]
    withheld = Prediction(
        0.0, 1.0, flags=frozenset({Flag.NON_FINITE_OUTPUT}), reason="the output held NaN " * 20
    )
    made.append(prediction_on_image(image, withheld, task, card_camera, {"speed_mps": 3.0}, "a"))
    assert {each.shape for each in made} == {made[0].shape}
    assert [extent % 2 for extent in made[0].shape[:2]] == [0, 0]
    assert (made[2] == FLAGGED).all(axis=-1).any()
    assert not (made[2] == PREDICTED).all(axis=-1).any()
    assert not np.array_equal(made[0], made[1])


def test_a_folder_of_overlays(waypoint_bundle: Path, tmp_path: Path) -> None:
    """Files of one name in two folders do not fall over each other."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.full((24, 32, 3), 90, np.uint8)).save(tmp_path / folder / "1.png")
    out = tmp_path / "drawn"
    predict(waypoint_bundle, [tmp_path / "a", tmp_path / "b"], overlay=out, speed=3.0, target="9,2")
    assert sorted(each.name for each in out.iterdir()) == ["1-000000.png", "1-2-000000.png"]
    with Image.open(out / "1-000000.png") as image:
        assert image.size[0] == 480


@pytest.mark.parametrize("name", ["steering", "waypoints"])
def test_a_row_is_what_a_prediction_holds(name: str) -> None:
    task = TASKS[name]
    example = task.example()
    again = Prediction(
        1.0, 0.0, waypoint_times_s=example.waypoint_times_s, **task.fields(task.row(example))
    )
    assert again == example
