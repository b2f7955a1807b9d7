"""The logic of the ROS 2 node: the newest image wins, and what is old or missing stops the car."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from auxdrive import InputError, Observation, Pose2, Predictor, RouteFollower

pytest.importorskip("rosbags")

import bag_messages as bag
from bundle_driver import BundleDriver

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
    target, _ = follower.update(Pose2(0.0, 0.0, 0.0))
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


@pytest.mark.parametrize(
    ("later_s", "told"),
    [(0.0, ""), (0.25, ""), (0.31, "s old; the limit is 0.3 s")],
)
def test_a_stale_image_stops_the_car(driver: BundleDriver, later_s: float, told: str) -> None:
    driver.command(T)
    driver.move(bag.odometry(T + later_s, 4.0))
    command = driver.command(T + later_s)
    assert told in command.reason
    assert (command.speed_mps == 0.0) == bool(told)
    if told:
        driver.see(bag.image(IMAGES[1], T + later_s))
        assert driver.command(T + later_s + 0.05).reason == ""  # it goes on by itself


def test_stale_odometry_stops_the_car(driver: BundleDriver) -> None:
    driver.see(bag.image(IMAGES[1], T + 0.4))
    command = driver.command(T + 0.4)
    assert "the odometry is 0.400 s old" in command.reason
    assert (command.speed_mps, command.acceleration_mps2) == (0.0, -6.0)


def test_another_clock_stops_the_car(driver: BundleDriver) -> None:
    driver.see(bag.image(IMAGES[1], T + 5.0))
    assert "newer than now" in driver.command(T + 0.05).reason
    driver.see(bag.image(IMAGES[1], 0.0))  # a camera that states no time
    assert "s old" in driver.command(T + 0.1).reason


def test_what_is_missing_is_told(predictor: Predictor) -> None:
    driver = BundleDriver(predictor)
    assert driver.command(T).reason == "no odometry has come"
    driver.move(bag.odometry(T, 4.0))
    assert driver.command(T).reason == "no image has come"
    driver.see(bag.image(IMAGES[0], T))
    assert driver.command(T + 0.01).reason == "no route has come"
    driver.follow(bag.route((0.0, 0.0), (30.0, 0.0), frame="map"))
    assert "in the frame 'map', the odometry in 'odom'" in driver.command(T + 0.02).reason
    driver.follow(bag.route((0.0, 0.0), (30.0, 0.0)))
    assert driver.command(T + 0.03).reason == ""


def test_a_bad_route_ends_the_one_before(driver: BundleDriver) -> None:
    with pytest.raises(InputError):
        driver.follow(bag.route((1.0, 1.0)))
    assert driver.command(T).reason == "no route has come"


def test_images_of_another_size_are_refused_or_scaled(predictor: Predictor) -> None:
    big = bag.image(IMAGES[0].repeat(2, axis=0).repeat(2, axis=1), T)
    for resize, told in ((False, "Resize it, or train for this camera"), (True, "")):
        driver = BundleDriver(predictor, resize=resize)
        driver.follow(bag.route((0.0, 0.0), (30.0, 0.0)))
        driver.move(bag.odometry(T, 4.0))
        driver.see(big)
        assert told in driver.command(T).reason


def test_no_number_of_the_odometry_gets_through(driver: BundleDriver) -> None:
    for speed in (float("nan"), float("inf"), -1e9, 71.0):
        driver.move(bag.odometry(T, speed))
        command = driver.command(T + 0.01)
        assert command.reason
        assert command.speed_mps == 0.0


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
