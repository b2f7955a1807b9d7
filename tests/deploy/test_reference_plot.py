"""`reference.png`: recorded images, and below them the predicted and the recorded path on axes in
metres.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from auxdrive.inspection.overlay import PREDICTED, RECORDED
from auxdrive.tasks import TASKS
from auxdrive.types import Float32
from auxdrive_deploy.reference_plot import GAP, WIDTH, reference_plot
from auxdrive_train.engine.load import Run
from PIL import Image

IMAGES = np.zeros((2, 64, 80, 3), np.uint8)
AHEAD = np.array([[[2.0, 0.0], [4.0, 0.0], [6.0, 0.0], [8.0, 0.0]]] * 2, np.float32)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def columns_of(shown: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a colour stands below the legend, in the first panel."""
    below = shown[60:, : GAP + WIDTH]
    return np.flatnonzero((below == colour).all(axis=2).any(axis=0))


def draw(outputs: Float32, labels: Float32, task: str = "waypoints") -> np.ndarray:
    return pixels(reference_plot(TASKS[task], IMAGES, outputs, labels))


def test_predicted_and_recorded_paths_stand_on_one_scale_left_to_the_left() -> None:
    left = AHEAD + np.array([0.0, 3.0], np.float32)
    shown = draw(AHEAD, left)
    predicted, recorded = columns_of(shown, PREDICTED), columns_of(shown, RECORDED)
    assert recorded.min() < predicted.min()
    swapped = draw(left, AHEAD)
    assert columns_of(swapped, RECORDED).max() > columns_of(swapped, PREDICTED).min()
    # the same paths in the other's colour: one scale for both
    assert columns_of(swapped, PREDICTED).min() == pytest.approx(recorded.min(), abs=4)


def test_equal_paths_lie_on_each_other_and_both_are_seen() -> None:
    shown = draw(AHEAD, AHEAD)
    predicted, recorded = columns_of(shown, PREDICTED), columns_of(shown, RECORDED)
    assert recorded.min() < predicted.min() <= predicted.max() < recorded.max()


@pytest.mark.parametrize("value", [0.0, 3.0, -1e6])
@pytest.mark.parametrize(("name", "shape"), [("steering", (2, 1)), ("waypoints", (2, 4, 2))])
def test_any_finite_prediction_can_be_drawn(value: float, name: str, shape: tuple[int]) -> None:
    shown = draw(np.full(shape, value, np.float32), np.zeros(shape, np.float32), name)
    assert shown.shape[1] == 2 * (WIDTH + GAP) + GAP


@pytest.mark.parametrize("size", [(30, 40), (64, 300), (900, 1600), (1, 401)])
def test_images_of_any_size_fit_their_panel(size: tuple[int, int]) -> None:
    images = np.full((2, *size, 3), 77, np.uint8)
    shown = pixels(reference_plot(TASKS["waypoints"], images, AHEAD, AHEAD))
    columns = np.flatnonzero((shown == 77).all(axis=2).any(axis=0))
    assert GAP <= columns.min() <= GAP + WIDTH / 4
    assert columns.max() < 2 * (WIDTH + GAP)


@pytest.mark.parametrize("count", [1, 3, 4, 40])
def test_at_most_six_panels_three_in_a_row(count: int) -> None:
    images, paths = np.zeros((count, 64, 80, 3), np.uint8), AHEAD[:1].repeat(count, axis=0)
    shown = pixels(reference_plot(TASKS["waypoints"], images, paths, paths))
    assert (shown.shape[1] - GAP) // (WIDTH + GAP) == min(count, 3)
    one_row = pixels(reference_plot(TASKS["waypoints"], images[:1], paths[:1], paths[:1]))
    assert (shown.shape[0] > 1.5 * one_row.shape[0]) == (count > 3)


@pytest.mark.parametrize("name", ["steering", "waypoints"])
def test_a_bundle_shows_its_reference_frames(
    name: str, bundles: dict[str, tuple[Run, Path]]
) -> None:
    run, bundle = bundles[name]
    labels = np.load(run.folder.reference_labels_path)
    outputs = np.load(bundle / "reference" / "outputs.npy")
    images = np.load(bundle / "reference" / "images.npy")
    wanted = reference_plot(TASKS[name], images, outputs, labels)
    assert (bundle / "reference.png").read_bytes() == wanted
    assert labels.shape == outputs.shape
