"""The logic of the ROS 2 node: the newest image wins, and what is old or missing stops the car."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from auxdrive import ConfigError, InputError, Observation, Pose2, Predictor, RouteFollower

pytest.importorskip("rosbags")

import bag_messages as bag
from bundle_driver import BundleDriver
from ros_messages import Command

T = 1700000000.0
IMAGES = np.random.default_rng(5).integers(0, 256, (8, 24, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def predictor(waypoint_bundle: Path) -> Iterator[Predictor]:
    with Predictor.load(waypoint_bundle) as loaded:
        yield loaded


@pytest.fixture
def driver(predictor: Predictor) -> BundleDriver:
    """It has all that it needs at time T."""
    driver = BundleDriver(predictor)
    driver.follow(bag.route((0.0, 0.0), (30.0, 0.0), (30.0, 40.0)))
    driver.move(bag.odometry(T, 4.0))
    driver.see(bag.image(IMAGES[0], T))
    return driver


def test_it_predicts_what_the_predictor_does(driver: BundleDriver, predictor: Predictor) -> None:
    command = driver.command(T + 0.05)
    assert command.reason == ""
    assert command.speed_mps > 2.0
    follower = RouteFollower([(0.0, 0.0), (30.0, 0.0), (30.0, 40.0)])
    target = follower.update(Pose2(0.0, 0.0, 0.0)).target_ego_m
    assert driver.prediction == predictor.predict(Observation(IMAGES[0], T, 4.0, target))


def test_it_turns_to_the_side_of_the_path(waypoint_bundle: Path, driver: BundleDriver) -> None:
    """The path is straight ahead: the controller steers hardly at all."""
    assert abs(driver.command(T + 0.05).steer_rad) < 0.1


def test_the_newest_image_wins_and_is_predicted_from_once(driver: BundleDriver) -> None:
    for number in range(1, 6):
        driver.see(bag.image(IMAGES[number], T + 0.01 * number))
    driver.command(T + 0.1)
    first = driver.prediction
    assert first is not None
    assert first.time_s == pytest.approx(T + 0.05, abs=1e-6)
    driver.command(T + 0.15)
    assert driver.prediction is first  # no newer image: its age grows


def ticked(driver: BundleDriver, begin_s: float, count: int = 5) -> list[Command]:
    """Commands at 20 Hz."""
    return [driver.command(begin_s + 0.05 * tick) for tick in range(count)]


def test_a_stale_image_stops_the_car_until_it_is_released(driver: BundleDriver) -> None:
    assert [each.reason for each in ticked(driver, T)] == [""] * 5
    steer_rad = driver.command(T + 0.25).steer_rad
    driver.move(bag.odometry(T + 0.35, 4.0))
    bridged, *_, stopped = ticked(driver, T + 0.35)
    assert "the last good command is held" in bridged.reason
    assert bridged.speed_mps > 2.0
    assert "the fallback 'stop' commands" in stopped.reason
    assert (stopped.speed_mps, stopped.steer_rad) == (0.0, steer_rad)
    assert stopped.acceleration_mps2 < 0
    driver.move(bag.odometry(T + 0.6, 3.0))
    driver.see(bag.image(IMAGES[1], T + 0.6))
    assert driver.command(T + 0.6).speed_mps == 0.0  # it goes on by nobody's leave
    driver.release()
    assert driver.command(T + 0.65).reason == ""


def test_with_slow_straight_it_goes_on_by_itself(predictor: Predictor) -> None:
    driver = BundleDriver(predictor, fallback="slow_straight")
    driver.follow(bag.route((0.0, 0.0), (30.0, 0.0)))
    for tick in range(30):
        now_s = T + 0.05 * tick
        driver.move(bag.odometry(now_s, 4.0))
        if not 5 <= tick < 15:
            driver.see(bag.image(np.roll(IMAGES[0], tick), now_s))
        command = driver.command(now_s)
        if tick == 14:
            assert command.speed_mps == 0.0
    assert command.reason == ""
    assert command.speed_mps > 2.0


def test_stale_odometry_stops_the_car(driver: BundleDriver) -> None:
    driver.command(T)
    for tick in range(7, 12):
        driver.see(bag.image(IMAGES[tick % 8], T + 0.05 * tick))
        command = driver.command(T + 0.05 * tick)
    assert command.reason.startswith("the odometry is 0.550 s old; the limit is 0.3 s")
    assert command.speed_mps == 0.0


def test_another_clock_is_not_driven_by(driver: BundleDriver) -> None:
    driver.see(bag.image(IMAGES[1], T + 5.0))
    assert "newer than now" in driver.command(T + 0.05).reason
    driver.see(bag.image(IMAGES[1], 0.0))  # a camera that states no time
    assert "s old" in driver.command(T + 0.1).reason


def test_what_is_missing_is_told(predictor: Predictor) -> None:
    driver = BundleDriver(predictor)
    told = [driver.command(T)]
    driver.move(bag.odometry(T, 4.0))
    told.append(driver.command(T + 0.01))
    driver.see(bag.image(IMAGES[0], T))
    told.append(driver.command(T + 0.02))
    driver.follow(bag.route((0.0, 0.0), (30.0, 0.0), frame="map"))
    told.append(driver.command(T + 0.03))
    for command, words in zip(
        told,
        (
            "no odometry has come", "no image has come", "no route has come",
            "the route is in the frame 'map', the odometry in 'odom'",
        ),
        strict=True,
    ):  # fmt: skip
        assert command.reason.startswith(f"{words}; ")
        assert (command.speed_mps, command.steer_rad) == (0.0, 0.0)
        assert command.acceleration_mps2 <= 0
    driver.follow(bag.route((0.0, 0.0), (30.0, 0.0)))
    assert driver.command(T + 0.04).reason == ""


def test_a_bad_route_ends_the_one_before(driver: BundleDriver) -> None:
    with pytest.raises(InputError):
        driver.follow(bag.route((1.0, 1.0)))
    assert driver.command(T).reason.startswith("no route has come")


def test_images_of_another_size_are_refused_or_scaled(predictor: Predictor) -> None:
    big = bag.image(IMAGES[0].repeat(2, axis=0).repeat(2, axis=1), T)
    for resize, told in ((False, "Resize it, or train for this camera"), (True, "")):
        driver = BundleDriver(predictor, resize=resize)
        driver.follow(bag.route((0.0, 0.0), (30.0, 0.0)))
        driver.move(bag.odometry(T, 4.0))
        driver.see(big)
        assert told in driver.command(T).reason


@pytest.mark.parametrize("speed_mps", [float("nan"), float("inf"), -1e9, 71.0, 1e300])
def test_no_number_of_the_odometry_gets_through(driver: BundleDriver, speed_mps: float) -> None:
    before = driver.command(T)
    for tick in range(1, 6):
        driver.move(bag.odometry(T + 0.05 * tick, speed_mps))
        driver.see(bag.image(IMAGES[tick], T + 0.05 * tick))
        command = driver.command(T + 0.05 * tick)
        assert command.reason
        assert command.speed_mps in (before.speed_mps, 0.0)
        assert abs(command.steer_rad) < 0.1
    assert command.speed_mps == 0.0


def test_what_cannot_drive_is_told(predictor: Predictor) -> None:
    with pytest.raises(ConfigError, match="fallback"):
        BundleDriver(predictor, fallback="stopp")


def test_a_steering_model_needs_no_route(steering_bundle: Path) -> None:
    with Predictor.load(steering_bundle) as predictor:
        driver = BundleDriver(predictor)
        assert not driver.needs_route
        driver.move(bag.odometry(T, 2.0))
        driver.see(bag.image(IMAGES[0][..., ::-1], T, "bgr8"))
        command = driver.command(T + 0.05)
        said = predictor.predict(Observation(IMAGES[0], T)).steer_rad
    assert command.reason == ""
    assert command.steer_rad == said
