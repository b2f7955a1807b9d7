"""The LiDAR's points in a town made by hand, in which every distance is known."""

from __future__ import annotations

import math

import numpy as np
from auxdrive_eval.simulators.embedded.render import roof_lidar as lidar
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.weather import Weather
from town_by_hand import box, car, hand_town, scene


def test_lidar_points_lie_on_what_they_met(renderer: PandaRenderer) -> None:
    wall = box(-70.0, 0.0, length=4.0, width=30.0)
    renderer.load(hand_town(wall), Weather())
    points = renderer.lidar_points(scene(-90.0, 0.0, 0.0)).astype(np.float64)
    assert len(points) > 6000
    position, intensity = points[:, :3], points[:, 3]
    assert ((intensity > 0) & (intensity <= 1)).all()
    ray = position - np.array(lidar.MOUNT_M)
    distance = np.linalg.norm(ray, axis=1)
    assert distance.max() <= lidar.RANGE_M + 1e-3
    elevation = np.degrees(np.arcsin(ray[:, 2] / distance))
    step = (lidar.HIGHEST_DEG - lidar.LOWEST_DEG) / (lidar.RINGS - 1)
    ring = (elevation - lidar.LOWEST_DEG) / step
    assert np.abs(ring - np.rint(ring)).max() < 0.01
    on_wall = position[:, 2] > 0.3
    wall_x = 18.0
    facing = on_wall & (np.abs(position[:, 1]) < 14.5) & (position[:, 0] > 0)
    assert facing.sum() > 300
    assert np.abs(position[facing, 0] - wall_x).max() < 0.01
    near_road = (
        ~on_wall
        & (np.abs(position[:, 1]) < 3.5)
        & (position[:, 0] > 3)
        & (position[:, 0] < wall_x - 0.2)
    )
    assert near_road.sum() > 300
    assert np.abs(position[near_road, 2]).max() < 0.01
    kerb = (
        ~on_wall
        & (np.abs(position[:, 1]) > 4.1)
        & (np.abs(position[:, 1]) < 5.6)
        & (np.abs(position[:, 0]) < 15)
    )
    assert np.abs(position[kerb, 2] - 0.15).max() < 0.01


def test_lidar_sees_left_on_the_left_and_behind(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather())
    for yaw in (0.0, 2.0):
        c, s = math.cos(yaw), math.sin(yaw)
        for forward, left in ((0.0, 8.0), (0.0, -8.0), (-12.0, 0.5), (12.0, 3.0)):
            other = car(-90.0 + c * forward - s * left, -2.0 + s * forward + c * left, yaw)
            points = renderer.lidar_points(scene(-90.0, -2.0, yaw, other))
            tall = points[(points[:, 2] > 0.4) & (np.abs(points[:, 0]) < 20)]
            box_hits = (np.abs(tall[:, 0] - forward) < 2.3) & (np.abs(tall[:, 1] - left) < 1.05)
            assert box_hits.sum() >= 10


def test_no_lidar_point_floats_between_edges(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(box(-75.0, 9.0, yaw=0.4), box(-60.0, -10.0)), Weather())
    points = renderer.lidar_points(scene(-90.0, -2.0, 0.2)).astype(np.float64)
    c, s = math.cos(0.2), math.sin(0.2)
    x, y = -90.0 + c * points[:, 0] - s * points[:, 1], -2.0 + s * points[:, 0] + c * points[:, 1]
    high = points[:, 2] > 0.2
    near_town = (x < -40) & (np.abs(y) < 20)
    surface = np.full(len(x), np.inf)
    for centre, yaw in (((-75.0, 9.0), 0.4), ((-60.0, -10.0), 0.0)):
        u = math.cos(yaw) * (x - centre[0]) + math.sin(yaw) * (y - centre[1])
        v = -math.sin(yaw) * (x - centre[0]) + math.cos(yaw) * (y - centre[1])
        outside = np.hypot(np.maximum(np.abs(u) - 3.0, 0), np.maximum(np.abs(v) - 2.0, 0))
        inside = np.minimum(3.0 - np.abs(u), 2.0 - np.abs(v))
        surface = np.minimum(surface, np.where(outside > 0, outside, inside))
    assert (high & near_town).sum() > 200
    assert surface[high & near_town].max() < 0.25
