"""Samples as displaced vehicles see them: the images against an independent projection of points
(`auxdrive.inspection.overlay.project`, and its own for what is above the ground), the labels
against rigid motions written out.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec
from auxdrive.errors import ConfigError
from auxdrive.inspection.overlay import project
from auxdrive.modalities import LIDAR_BEV_RANGE_M, Modality
from auxdrive_train.data.augment import augment
from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.batch import Batch
from auxdrive_train.data.views import camera_from, check_views, seen_from
from auxdrive_train.engine.train import train
from auxdrive_train.tasks.base import Task
from auxdrive_train.tasks.path_speed import PathSpeedTask
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.view import View
from auxdrive_train.tasks.waypoints import WaypointsTask
from small_runs import settings_for

HEIGHT, WIDTH = 90, 160
CAMERA = CameraSpec(
    width=320, height=180, fov_deg=80.0, x_m=1.3, y_m=0.2, z_m=1.7, pitch_rad=math.radians(4)
)
SHIFT_M, TURN_RAD = 0.7, math.radians(6)
PLAN = 40  # numbers of a plan's path


def one(
    shift_m: float = SHIFT_M, turn_rad: float = TURN_RAD, recover_m: float = 10.0, size: int = 1
) -> View:
    return View(torch.full((size,), shift_m), torch.full((size,), turn_rad), recover_m)


def from_there(points: np.ndarray) -> np.ndarray:
    """Points (P, 2) of the recorded ego frame in the displaced one, written out."""
    moved = (points - [0.0, SHIFT_M]).astype(complex).view(float)[:, ::2]
    turned = (moved[:, 0] + 1j * moved[:, 1]) * np.exp(-1j * TURN_RAD)
    return np.stack([turned.real, turned.imag], axis=1)


def spots(pixels: np.ndarray, dtype: type = np.uint8, value: int = 255) -> torch.Tensor:
    """Images (P, H, W) with a spot each around u, v in pixels of the card's camera."""
    places = np.floor(pixels * [WIDTH / CAMERA.width, HEIGHT / CAMERA.height]).astype(int)
    images = np.zeros((len(pixels), HEIGHT, WIDTH), dtype)
    for image, (u, v) in zip(images, places, strict=True):
        image[max(v - 1, 0) : v + 2, max(u - 1, 0) : u + 2] = value
    return torch.from_numpy(images)


def centres(images: torch.Tensor) -> np.ndarray:
    """Where the light of each image lies, u and v in pixels of the card's camera."""
    light = images.numpy().astype(float)
    total = light.sum(axis=(1, 2))
    u = (light.sum(axis=1) * (np.arange(WIDTH) + 0.5)).sum(axis=1) / total
    v = (light.sum(axis=2) * (np.arange(HEIGHT) + 0.5)).sum(axis=1) / total
    return np.stack([u * CAMERA.width / WIDTH, v * CAMERA.height / HEIGHT], axis=1)


def test_points_on_the_road_and_far_away_are_where_the_displaced_camera_sees_them() -> None:
    road = np.array([[6.0, 1.0], [8.0, -2.5], [10.0, 3.0], [14.0, 0.0], [20.0, -4.0]])
    before, after = project(road, CAMERA), project(from_there(road), CAMERA)
    assert before is not None
    assert after is not None
    assert np.abs(before - after).max() > 20
    found = camera_from(spots(before), Modality.ATTENTION, one(size=len(road)), CAMERA)
    np.testing.assert_allclose(centres(found), after, atol=2.0)
    # Above the horizon there are things far away: they move by the turn alone.
    focal = CAMERA.width / 2 / math.tan(math.radians(CAMERA.fov_deg) / 2)
    for bearing, rise in ((0.1, 0.1), (-0.2, 0.05)):
        pixels = []
        for angle in (bearing, bearing - TURN_RAD):
            x, y, z = math.cos(angle), math.sin(angle), rise
            cos, sin = math.cos(CAMERA.pitch_rad), math.sin(CAMERA.pitch_rad)
            ahead, down = cos * x - sin * z, -sin * x - cos * z
            pixels.append(
                [CAMERA.width / 2 - focal * y / ahead, CAMERA.height / 2 + focal * down / ahead]
            )
        found = camera_from(spots(np.array(pixels[:1])), Modality.ATTENTION, one(), CAMERA)
        np.testing.assert_allclose(centres(found), pixels[1:], atol=2.0)


def test_depths_of_the_road_are_those_of_the_displaced_camera() -> None:
    """The depth of a flat road is the same in both images, row by row."""
    rows = torch.arange(HEIGHT) + 0.5 - HEIGHT / 2
    focal = WIDTH / 2 / math.tan(math.radians(CAMERA.fov_deg) / 2)
    below = math.sin(CAMERA.pitch_rad) + rows / focal * math.cos(CAMERA.pitch_rad)
    depth_m = CAMERA.z_m / below.clamp(min=1e-3)
    road = (100 * depth_m).clamp(max=60000)[None, :, None].expand(1, HEIGHT, WIDTH)
    stored = road.to(torch.int32).to(torch.uint16).contiguous()
    found = camera_from(stored, Modality.DEPTH, one(), CAMERA)
    seen = slice(HEIGHT // 2 + 10, HEIGHT - 12), slice(30, WIDTH - 30)
    ratio = found[0].double()[seen] / stored[0].double()[seen]
    assert ratio.sub(1).abs().median() < 0.01
    assert ratio.sub(1).abs().max() < 0.05


def batch_of(task: Task, frames: dict[Modality, torch.Tensor], label: torch.Tensor) -> Batch:
    return Batch(
        frames=frames,
        present={m: torch.ones(1, dtype=torch.bool) for m in frames},
        ego_be=torch.arange(1.0, task.ego.width + 1)[None],
        label=label,
        index=torch.zeros(1, dtype=torch.int64),
    )


def test_labels_targets_and_the_lidar_are_given_from_there() -> None:
    path = np.array([[3.0, 0.1], [6.0, 0.4], [9.0, 0.9], [12.0, 1.6]])
    task = WaypointsTask()
    cells = torch.zeros(1, 64, 64, 2, dtype=torch.uint8)
    row, column = 40, 22  # what stands there, and where it is from there
    cells[0, row, column] = 9
    cell_m = LIDAR_BEV_RANGE_M / 64
    place = np.array([[32 - (row + 0.5) * cell_m, 16 - (column + 0.5) * cell_m]])
    label = torch.tensor(path[None], dtype=torch.float32)
    got = seen_from(batch_of(task, {Modality.LIDAR: cells}, label), one(), task, CAMERA)
    np.testing.assert_allclose(got.label[0], from_there(path), atol=1e-6)
    assert got.ego_be[0, 0] == 1.0  # the speed
    np.testing.assert_allclose(got.ego_be[0, 1:], from_there(np.array([[2.0, 3.0]]))[0], atol=1e-6)
    x, y = from_there(place)[0]
    found = np.argwhere(got.frames[Modality.LIDAR][0, :, :, 0].numpy())
    wanted = [(32 - x) / cell_m - 0.5, (16 - y) / cell_m - 0.5]
    assert np.abs(found - wanted).max() < 1.01
    assert 1 <= len(found) <= 3

    plans = PathSpeedTask()
    label = torch.rand(1, *plans.label_shape)
    got = seen_from(batch_of(plans, {}, label), one(), plans, CAMERA)
    np.testing.assert_allclose(
        got.label[0, :40].reshape(20, 2),
        from_there(label[0, :40].reshape(20, 2).numpy()),
        atol=1e-6,
    )
    assert torch.equal(got.label[0, 40:], label[0, 40:])
    names = plans.ego.columns
    assert torch.equal(
        got.ego_be[0, names["command"]], torch.tensor([float(names["command"].start + 1)])
    )


@pytest.mark.parametrize("angle", [-0.2, 0.0, 0.05])
def test_the_steering_leads_back_to_where_the_recorded_car_is_after_the_distance(
    angle: float,
) -> None:
    """Both cars are driven on in small steps."""
    wheelbase, recover_m, steps = 2.7, 12.0, 20_000
    task = SteeringTask(wheelbase_m=wheelbase)
    label = torch.tensor([[angle]])
    same = task.label_from(label, one(0.0, 0.0, recover_m))
    torch.testing.assert_close(same, label, atol=1e-7, rtol=1e-6)
    back = float(task.label_from(label, one(recover_m=recover_m)))

    def driven(x: float, y: float, yaw: float, steer: float, metres: float) -> np.ndarray:
        yaws = yaw + math.tan(steer) / wheelbase * metres * (np.arange(steps) + 0.5) / steps
        return np.array([x + np.cos(yaws).mean() * metres, y + np.sin(yaws).mean() * metres])

    goal = driven(0, 0, 0, angle, recover_m)
    way = min(
        np.linalg.norm(driven(0, SHIFT_M, TURN_RAD, back, metres) - goal)
        for metres in np.linspace(0.9 * recover_m, 1.1 * recover_m, 401)
    )
    assert way < 0.01


def test_without_moves_nothing_changes_and_what_cannot_be_moved_is_refused(
    stripe_data: Path, tmp_path: Path
) -> None:
    task = WaypointsTask()
    frames = {Modality.RGB: torch.randint(0, 255, (1, 20, 30, 3), dtype=torch.uint8)}
    batch = batch_of(task, frames, torch.rand(1, 4, 2))
    still = seen_from(batch, one(0.0, 0.0), task, CAMERA)
    assert torch.equal(still.frames[Modality.RGB], frames[Modality.RGB])
    assert torch.equal(still.label, batch.label)
    off, on = AugmentConfig(), AugmentConfig(view_shift=1.0, view_turn=5.0, brightness=0.0)
    drawn = [
        augment(batch, each, task, torch.Generator().manual_seed(1), CAMERA) for each in (off, on)
    ]
    assert not torch.equal(drawn[0].label, drawn[1].label)
    assert torch.equal(drawn[0].ego_be[:, 0], drawn[1].ego_be[:, 0])

    with pytest.raises(ConfigError, match=r"does not know .* \(camera\.fov_deg\) and how high"):
        train(settings_for("baseline", stripe_data, augment={"view_shift": 1}), tmp_path / "run")
    with pytest.raises(ConfigError, match="needs the wheelbase"):
        check_views(CAMERA, SteeringTask(), [Modality.RGB])
    with pytest.raises(ConfigError, match="frequency cannot be shown"):
        check_views(CAMERA, task, [Modality.RGB, Modality.FREQUENCY])
