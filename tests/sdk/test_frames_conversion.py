"""Frames: inverse pairs, distances kept, handedness, composition, and known poses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive import frames
from auxdrive.errors import InputError
from auxdrive.types import Pose2
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

metres = st.floats(-1e4, 1e4)
angles = st.floats(-20, 20)
poses = st.builds(Pose2, metres, metres, angles)
points3 = arrays(np.float64, st.tuples(st.integers(1, 5), st.just(3)), elements=metres)
points = st.one_of(
    points3, arrays(np.float64, st.tuples(st.integers(1, 5), st.just(2)), elements=metres)
)


def close(left: object, right: object, atol: float = 1e-7) -> None:
    np.testing.assert_allclose(np.asarray(left), np.asarray(right), rtol=0, atol=atol)


def same_angle(left: float, right: float) -> None:
    close([math.cos(left), math.sin(left)], [math.cos(right), math.sin(right)], 1e-9)


@given(
    angle=st.one_of(
        angles,
        st.sampled_from(
            [math.pi, -math.pi, 3 * math.pi, -1e-300, math.pi + 1e-16, np.nextafter(-math.pi, -4)]
        ),
    )
)
def test_wrapping_keeps_the_direction(angle: float) -> None:
    wrapped = float(frames.wrap_angle_rad(angle))
    assert -math.pi < wrapped <= math.pi
    same_angle(wrapped, angle)


def test_wrapping_works_on_any_shape() -> None:
    close(
        frames.wrap_angle_rad(np.array([[0.0, 2 * math.pi], [math.pi, -math.pi]])),
        [[0, 0], [math.pi, math.pi]],
    )


@given(points=points, pose=poses)
def test_world_and_ego_are_inverse_and_keep_distances(points: np.ndarray, pose: Pose2) -> None:
    local = frames.world_to_ego(points, pose)
    close(frames.ego_to_world(local, pose), points)
    close(np.linalg.norm(local - local[0], axis=1), np.linalg.norm(points - points[0], axis=1))
    assert local.shape == points.shape
    if points.shape[1] == 3:
        close(local[:, 2], points[:, 2], 0)


@given(outer=poses, inner=poses, points=points)
def test_composition(outer: Pose2, inner: Pose2, points: np.ndarray) -> None:
    both = frames.compose(outer, inner)
    close(
        frames.ego_to_world(points, both),
        frames.ego_to_world(frames.ego_to_world(points, inner), outer),
        1e-6,
    )


@given(pose=poses)
def test_inverse(pose: Pose2) -> None:
    identity = frames.compose(pose, frames.inverse(pose))
    close([identity.x_m, identity.y_m], [0, 0])
    same_angle(identity.yaw_rad, 0)


def test_left_is_positive_y() -> None:
    facing_north = Pose2(10, 5, math.pi / 2)
    close(frames.world_to_ego(np.array([[10.0, 8.0]]), facing_north), [[3, 0]])  # ahead
    # to the left
    close(frames.world_to_ego(np.array([[9.0, 5.0, 2.0]]), facing_north), [[0, 1, 2]])


@given(points=points)
def test_carla_points_mirror(points: np.ndarray) -> None:
    world = frames.carla_points_to_world(points)
    close(frames.world_points_to_carla(world), points, 0)
    close(np.linalg.norm(world - world[0], axis=1), np.linalg.norm(points - points[0], axis=1))


@given(
    points=arrays(
        np.float64, (3, 3), elements=st.integers(-800, 800).map(lambda eighths: eighths / 8)
    )
)
def test_carla_changes_handedness_and_optical_does_not(points: np.ndarray) -> None:
    volume = np.linalg.det(points)
    close(np.linalg.det(frames.carla_points_to_world(points)), -volume, 1e-6)
    close(np.linalg.det(frames.ego_points_to_optical(points)), volume, 1e-6)


@given(yaw=angles, x=metres, y=metres)
def test_carla_poses(yaw: float, x: float, y: float) -> None:
    same_angle(float(frames.carla_yaw_to_world(frames.world_yaw_to_carla(yaw))), yaw)
    back = frames.carla_pose_to_world(*frames.world_pose_to_carla(Pose2(x, y, yaw)))
    assert (back.x_m, back.y_m) == (x, y)
    same_angle(back.yaw_rad, yaw)


@given(pose=poses, ahead=st.floats(0.1, 100))
def test_carla_heading_and_points_agree(pose: Pose2, ahead: float) -> None:
    """A point ahead of the vehicle, computed in CARLA's left-handed world with its own formula, is
    ahead in ours.
    """
    x, y, yaw_deg = frames.world_pose_to_carla(pose)
    point_carla = np.array(
        [x + ahead * math.cos(math.radians(yaw_deg)), y + ahead * math.sin(math.radians(yaw_deg))]
    )
    close(frames.world_to_ego(frames.carla_points_to_world(point_carla), pose), [ahead, 0], 1e-6)


def test_known_carla_poses() -> None:
    # CARLA's +90 degrees looks along +y, which is to the right
    pose = frames.carla_pose_to_world(1.0, 2.0, 90.0)
    assert (pose.x_m, pose.y_m) == (1.0, -2.0)
    assert pose.yaw_rad == pytest.approx(-math.pi / 2)


@given(steer=st.floats(-1, 1), max_steer_rad=st.floats(0.01, math.pi / 2))
def test_carla_steer(steer: float, max_steer_rad: float) -> None:
    steer_rad = frames.carla_steer_to_rad(steer, max_steer_rad)
    assert steer_rad * steer <= 0
    assert frames.steer_rad_to_carla(steer_rad, max_steer_rad) == pytest.approx(steer)
    assert frames.steer_rad_to_carla(2 * max_steer_rad, max_steer_rad) == -1
    assert frames.steer_rad_to_carla(-2 * max_steer_rad, max_steer_rad) == 1


@given(points=points3)
def test_optical_frame(points: np.ndarray) -> None:
    close(frames.optical_points_to_ego(frames.ego_points_to_optical(points)), points, 0)
    close(frames.ego_points_to_optical(frames.optical_points_to_ego(points)), points, 0)


def test_optical_axes() -> None:
    close(frames.optical_points_to_ego(np.eye(3)), [[0, -1, 0], [0, 0, -1], [1, 0, 0]])


@given(yaw=angles, scale=st.floats(0.1, 10))
def test_quaternions(yaw: float, scale: float) -> None:
    quaternion = frames.quaternion_from_yaw(yaw)
    assert math.hypot(*quaternion) == pytest.approx(1)
    x, y, z, w = (part * scale for part in quaternion)
    same_angle(frames.yaw_from_quaternion((x, y, z, w)), yaw)


def test_yaw_of_a_pitched_quaternion_is_that_of_its_x_axis() -> None:
    yaw, pitch = 0.7, -0.4  # q = q_yaw * q_pitch
    quaternion = (
        -math.sin(yaw / 2) * math.sin(pitch / 2),
        math.cos(yaw / 2) * math.sin(pitch / 2),
        math.sin(yaw / 2) * math.cos(pitch / 2),
        math.cos(yaw / 2) * math.cos(pitch / 2),
    )
    assert frames.yaw_from_quaternion(quaternion) == pytest.approx(yaw)


@pytest.mark.parametrize(
    "quaternion", [(0, 0, 0, 0), (math.nan, 0, 0, 1), (0, math.sqrt(0.5), 0, math.sqrt(0.5))]
)
def test_quaternions_without_a_heading(quaternion: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="no heading"):
        frames.yaw_from_quaternion(quaternion)


def test_wrong_shapes_and_steering_angles() -> None:
    with pytest.raises(InputError, match="2 or 3"):
        frames.world_to_ego(np.zeros((4, 4)), Pose2(0, 0, 0))
    with pytest.raises(InputError, match="3"):
        frames.ego_points_to_optical(np.zeros((4, 2)))
    with pytest.raises(InputError, match="max_road_wheel_rad"):
        frames.carla_steer_to_rad(0.0, 0.0)
    with pytest.raises(InputError, match="finite"):
        frames.steer_rad_to_carla(math.nan, 1.0)
