"""Where the leaderboard agent is: in real towns, by both projections, with noise and gaps."""

from __future__ import annotations

import math

import carla_towns
import leaderboard_parts as parts
import numpy as np
import pytest
from auxdrive.errors import InputError
from auxdrive.types import Float64, Pose2, RoadOption
from auxdrive_eval.road_maps.geo import GeoReference, Projection
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.team_agent.localising import LONGEST_BLIND_S, Localiser
from auxdrive_eval.team_agent.sensors import Sensed

STEP_S = 0.05


def poses_along(points: Float64) -> list[Pose2]:
    """The rear axle of a car that drives along a line at 10 m/s, at each tick.

    Args:
        points: (N, 2), about 1 m apart.
    """
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.arange(0.0, along[-1], 10.0 * STEP_S)
    xy = np.stack([np.interp(at, along, axis) for axis in points.T], axis=1)
    steps = np.gradient(xy, axis=0)
    return [
        Pose2(x, y, yaw)
        for (x, y), yaw in zip(xy.tolist(), np.arctan2(*steps.T[::-1]).tolist(), strict=True)
    ]


def localised(
    localiser: Localiser, poses: list[Pose2], fixes: Float64, compass: bool = True
) -> list[float]:
    """How far it is off at each tick.

    Args:
        localiser: that is asked.
        poses: true ones.
        fixes: (N, 2), degrees; NaN where there is none.
        compass: whether there is one; otherwise a gyroscope.
    """
    off, before = [], poses[0]
    for number, (pose, fix) in enumerate(zip(poses, fixes.tolist(), strict=True)):
        moved = math.dist((pose.x_m, pose.y_m), (before.x_m, before.y_m)) / STEP_S
        turned = (pose.yaw_rad - before.yaw_rad + math.pi) % (2 * math.pi) - math.pi
        sensed = Sensed(
            fix_deg=None if math.isnan(fix[0]) else (fix[0], fix[1]),
            yaw_rad=pose.yaw_rad if compass else None,
            yaw_rate_radps=turned / STEP_S,
            speed_mps=moved,
        )
        found = localiser.update(sensed, number * STEP_S)
        off.append(
            math.inf if found is None else math.dist((found.x_m, found.y_m), (pose.x_m, pose.y_m))
        )
        before = pose
    return off


def straight(start: tuple[float, float], end: tuple[float, float]) -> tuple[Localiser, list[Pose2]]:
    """A localiser for a car whose rear axle begins where the plan does."""
    points, options = parts.dense(start, end)
    return Localiser(parts.plan_of(points, options, GeoReference(0.0, 0.0)), 0.0), poses_along(
        points
    )


def gps(poses: list[Pose2], projection: Projection, noise_deg: float = 0.0) -> Float64:
    places = np.array([(pose.x_m, pose.y_m) for pose in poses])
    noise = np.random.default_rng(1).normal(0.0, noise_deg, places.shape)
    return np.asarray(GeoReference(0.0, 0.0, projection).to_gps(places) + noise)


@pytest.mark.parametrize("town", ["Town01", "Town02", "Town04", "Town10HD"])
@pytest.mark.parametrize("source", ["leaderboard", "client"])
def test_within_5_cm_in_a_real_town(town: str, source: str) -> None:
    """Fixes by the leaderboard's formula, and by the stock client's `transform_to_geolocation`."""
    carla_towns.needs_carla()
    import carla

    roads = carla_towns.town(town)
    lanes = roads.town_map().lanes
    ends = [lanes[number].centreline for number in (0, len(lanes) // 2)]
    planned = carla_towns.planner(town).plan(
        RouteSpec("0", town, tuple((float(x), float(y)) for x, y in (ends[0][0], ends[1][-1])))
    )
    points = planned.points[:400, :2]
    poses = poses_along(points)
    places = np.array([(pose.x_m, pose.y_m) for pose in poses])
    if source == "leaderboard":
        fixes = roads.geo.to_gps(places)
    else:
        known = [
            roads._map.transform_to_geolocation(carla.Location(x, -y, 0.0))
            for x, y in places.tolist()
        ]
        fixes = np.array([(fix.latitude, fix.longitude) for fix in known])
        if not hasattr(carla.Map, "geolocation_to_transform"):
            pytest.skip("a client before 0.9.16")
    localiser = Localiser(parts.plan_of(points, planned.options[:400], roads.geo), 0.0)
    assert max(localised(localiser, poses, fixes)) < 0.05


@pytest.mark.parametrize("projection", Projection)
def test_noise_is_averaged(projection: Projection) -> None:
    localiser, poses = straight((50.0, 200.0), (350.0, 200.0))
    off = localised(localiser, poses, gps(poses, projection, 5e-6))
    raw = np.hypot(*(GeoReference(0.0, 0.0, projection).to_world(
        gps(poses, projection, 5e-6)) - [(p.x_m, p.y_m) for p in poses]).T)  # fmt: skip
    assert raw.mean() > 0.5
    assert np.mean(off) < 0.25
    assert max(off) < 0.6


@pytest.mark.parametrize("projection", Projection)
def test_a_start_on_the_axis_where_both_projections_meet(projection: Projection) -> None:
    """North and south are told apart once the car has left y = 0."""
    points, options = parts.dense((100.0, 0.0), (160.0, 0.0), (160.0, 90.0))
    localiser = Localiser(parts.plan_of(points, options, GeoReference(0.0, 0.0)), 0.0)
    poses = poses_along(points)
    assert max(localised(localiser, poses, gps(poses, projection, 5e-6))) < 0.8


def test_gaps_are_bridged_for_a_while() -> None:
    localiser, poses = straight((50.0, 200.0), (350.0, 200.0))
    fixes = gps(poses, Projection.LEADERBOARD)
    fixes[100:] = math.nan
    off = localised(localiser, poses, fixes, compass=False)
    last = 100 + round(LONGEST_BLIND_S / STEP_S) - 1
    assert max(off[: last - 1]) < 0.1
    assert off[last + 2] == math.inf
    assert len(off) > last + 2


def test_without_any_heading_there_is_no_pose() -> None:
    localiser, _ = straight((50.0, 200.0), (350.0, 200.0))
    fix = gps([Pose2(50.0, 200.0, 0.0)], Projection.LEADERBOARD)[0]
    assert localiser.update(Sensed(fix_deg=(fix[0], fix[1]), speed_mps=1.0), 0.0) is None


def test_fixes_of_elsewhere_are_refused() -> None:
    localiser, poses = straight((50.0, 200.0), (350.0, 200.0))
    with pytest.raises(InputError, match=r"x 50\.0, y 250\.0 m, the ego is at x 50\.0, y 200\.0 m"):
        localised(localiser, poses, gps([Pose2(50.0, 250.0, 0.0)] * len(poses), Projection(
            "leaderboard")))  # fmt: skip


def test_commands_of_a_plan_are_road_options() -> None:
    points, options = parts.dense((0.0, 100.0), (50.0, 100.0), (50.0, 150.0))
    plan = parts.plan_of(points, options, GeoReference(35.0, -101.0))
    assert plan.commands == tuple(options)
    assert RoadOption.LEFT in plan.commands
    assert plan.start == Pose2(0.0, 100.0, 0.0)
    assert plan.geo.latitude_deg == pytest.approx(35.0, abs=1e-9)
