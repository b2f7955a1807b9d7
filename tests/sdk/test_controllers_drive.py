"""Controllers against references written from the tables of the papers' code, symmetry, and
stopping.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest
from auxdrive.controllers import make_controller
from auxdrive.errors import InputError
from auxdrive.types import Control, Prediction
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_drive import (
    LEFT,
    STEERING,
    VEHICLE,
    SteadyDrive,
    steers,
    straight,
    waypoints,
)

# config.py of TransFuser 2021 and 2022: turn P I D n, speed P I D n, largest throttle, brake speed,
# brake ratio, clip of the error.
TABLE = {
    "tf21": (1.25, 0.75, 0.3, 40, 5.0, 0.5, 1.0, 40, 0.75, 0.1, 1.1, 0.25),
    "tf22": (1.25, 0.75, 0.3, 20, 5.0, 0.5, 1.0, 20, 0.75, 0.4, 1.1, 0.25),
}
SPEED = st.floats(0, 15)
FORWARD = st.lists(st.tuples(st.floats(0.05, 8), st.floats(-4, 4)), min_size=4, max_size=4)


class TablePid:
    """PIDController as the table has it."""

    def __init__(self, p: float, i: float, d: float, n: int) -> None:
        self.p, self.i, self.d = p, i, d
        self.window = deque([0.0] * n, maxlen=n)

    def step(self, error: float) -> float:
        self.window.append(error)
        return float(
            self.p * error
            + self.i * np.mean(self.window)
            + self.d * (self.window[-1] - self.window[-2])
        )


class Table:
    """control_pid of both years in their own frames: (steer to the right as a share of the maximum
    steering angle, throttle, brake).
    """

    def __init__(self, year: str) -> None:
        *gains, self.max_throttle, self.brake_speed, self.brake_ratio, self.clip = TABLE[year]
        self.year = year
        self.turn, self.speed = TablePid(*gains[:4]), TablePid(*gains[4:])  # type: ignore[arg-type]

    def step(self, waypoints: np.ndarray, speed: float) -> tuple[float, float, float]:
        desired = float(np.linalg.norm(waypoints[0] - waypoints[1]) * 2.0)
        brake = desired < self.brake_speed or speed / desired > self.brake_ratio
        if self.year == "tf21":  # x right, y backward
            flipped = waypoints * [1, -1]
            aim = (flipped[1] + flipped[0]) / 2.0
            angle = float(np.degrees(np.pi / 2 - np.arctan2(aim[1], aim[0])) / 90)
            angle = 0.0 if speed < 0.01 else angle
        else:  # x forward, y right
            aim = (waypoints[1] + waypoints[0]) / 2.0
            angle = 0.0 if brake else float(np.degrees(np.arctan2(aim[1], aim[0])) / 90)
        steer = float(np.clip(self.turn.step(angle), -1.0, 1.0))
        throttle = float(
            np.clip(
                self.speed.step(float(np.clip(desired - speed, 0.0, self.clip))),
                0.0,
                self.max_throttle,
            )
        )
        if self.year == "tf22" and brake:
            steer *= 0.5
        return steer, 0.0 if brake else throttle, float(brake)

    def waypoints(self, ego: np.ndarray) -> np.ndarray:
        """Ours, x forward and y left, in their frame."""
        x, y = ego.T
        return np.stack([-y, -x] if self.year == "tf21" else [x, -y], axis=1)


@pytest.mark.parametrize("year", sorted(TABLE))
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FORWARD, SPEED), min_size=1, max_size=30))
def test_pid_is_that_of_the_table(
    year: str, drive: list[tuple[list[tuple[float, float]], float]]
) -> None:
    controller, table = (
        SteadyDrive(make_controller("pid", STEERING, VEHICLE, {"preset": year})),
        Table(year),
    )
    for points, speed in drive:
        prediction = waypoints(points)
        control = controller.step(prediction, speed)
        right, throttle, brake = table.step(
            table.waypoints(np.asarray(prediction.waypoints_ego_m, np.float64)), speed
        )
        assert control.steer_rad == pytest.approx(-right * STEERING.max_road_wheel_rad, abs=1e-9)
        assert control.throttle == pytest.approx(throttle, abs=1e-9)
        assert control.brake == brake


def test_pid_integral_forgets_after_its_window() -> None:
    controller = SteadyDrive(make_controller("pid", STEERING, VEHICLE))
    for _ in range(5):
        controller.step(LEFT, 4.0)
    for _ in range(20):
        last = controller.step(straight(4.0), 4.0)
    assert last.steer_rad == pytest.approx(0.0, abs=1e-12)


def test_pid_reads_the_speed_from_the_times() -> None:
    slow = make_controller("pid", STEERING, VEHICLE).step(
        waypoints([(1, 0), (2, 0)], (1.0, 2.0)), 2.0, 0.1
    )
    fast = make_controller("pid", STEERING, VEHICLE).step(
        waypoints([(1, 0), (2, 0)], (0.25, 0.5)), 2.0, 0.1
    )
    assert (slow.brake, fast.brake) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "options"), [("pid", {"preset": "tf21"}), ("pid", {}), ("pure_pursuit", {})]
)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FORWARD, SPEED), min_size=1, max_size=8))
def test_a_mirrored_path_is_steered_the_other_way(
    name: str, options: dict[str, object], drive: list[tuple[list[tuple[float, float]], float]]
) -> None:
    one, other = (SteadyDrive(make_controller(name, STEERING, VEHICLE, options)) for _ in range(2))
    for points, speed in drive:
        a = one.step(waypoints(points), speed)
        b = other.step(waypoints(np.asarray(points) * [1, -1]), speed)
        assert b.steer_rad == pytest.approx(-a.steer_rad, abs=1e-12)
        assert (a.throttle, a.brake) == (b.throttle, b.brake)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["pid", "pure_pursuit"]),
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=6),
    SPEED,
)
def test_commands_stay_in_their_ranges(
    name: str, points: list[tuple[float, float]], speed: float
) -> None:
    times = tuple(0.5 * (index + 1) for index in range(len(points)))
    control = make_controller(name, STEERING, VEHICLE).step(waypoints(points, times), speed, 0.05)
    assert abs(control.steer_rad) <= STEERING.max_road_wheel_rad
    assert 0 <= control.throttle <= 1
    assert 0 <= control.brake <= 1
    assert not (control.throttle and control.brake)


def test_left_is_positive() -> None:
    left = waypoints([(2, 0.5), (4, 1.5), (6, 3.0), (8, 5.0)])
    for name in ("pid", "pure_pursuit"):
        assert make_controller(name, STEERING, VEHICLE).step(left, 4.0, 0.1).steer_rad > 0


@settings(max_examples=60, deadline=None)
@given(st.floats(8, 200), st.floats(1, 12), st.sampled_from([1, -1]))
def test_pure_pursuit_finds_the_steering_of_a_circle(
    radius_m: float, speed: float, side: int
) -> None:
    """On a circle through the rear axle the bicycle's angle is atan(wheelbase / radius), whatever
    the lookahead.
    """
    length = np.linspace(0.05, min(20.0, radius_m), 400)
    path = np.stack(
        [radius_m * np.sin(length / radius_m), side * radius_m * (1 - np.cos(length / radius_m))],
        axis=1,
    )
    prediction = Prediction(
        0.0,
        1.0,
        waypoints_ego_m=path.astype(np.float32),
        waypoint_times_s=tuple((length / speed).tolist()),
    )
    control = make_controller("pure_pursuit", STEERING, VEHICLE).step(prediction, speed, 0.1)
    assert control.steer_rad == pytest.approx(side * math.atan(2.8 / radius_m), rel=0.01)


def test_steering_controller_hands_the_angle_on() -> None:
    controller = SteadyDrive(
        make_controller("steering", STEERING, VEHICLE, {"target_speed_mps": 5.0})
    )
    assert controller.step(steers(0.2), 3.0) == Control(0.2, 0.75, 0.0)
    assert controller.step(steers(-9.0), 3.0).steer_rad == -STEERING.max_road_wheel_rad
    assert controller.step(steers(0.0), 5.6).brake == 1.0
    assert (
        make_controller("steering", STEERING, VEHICLE, {"target_speed_mps": 0.0})
        .step(steers(0.0), 0.0, 0.1)
        .brake
        == 1.0
    )


def test_steering_controller_reaches_its_speed() -> None:
    controller, speed = (
        SteadyDrive(
            make_controller("steering", STEERING, VEHICLE, {"target_speed_mps": 6.0}), 0.05
        ),
        0.0,
    )
    for _ in range(400):
        control = controller.step(steers(0.0), speed)
        speed = max(
            0.0, speed + 0.05 * (4.0 * control.throttle - 8.0 * control.brake - 0.05 * speed)
        )
    assert speed == pytest.approx(6.0, abs=0.6)


@pytest.mark.parametrize(("name", "brake"), [("pid", 1.0), ("pure_pursuit", 3.0 / 0.5 / 8.0)])
def test_standing_waypoints_brake(name: str, brake: float) -> None:
    """The PID's brake is on or off; pure pursuit asks for the deceleration that stops the car
    within its response time.
    """
    control = make_controller(name, STEERING, VEHICLE).step(waypoints(np.zeros((4, 2))), 3.0, 0.1)
    assert control == Control(0.0, 0.0, brake)


def test_predictions_of_the_other_task() -> None:
    with pytest.raises(InputError, match="use the controller 'steering'"):
        make_controller("pid", STEERING, VEHICLE).step(steers(0.0), 1.0, 0.1)
    with pytest.raises(InputError, match="use the controller 'pid'"):
        make_controller("steering", STEERING, VEHICLE).step(straight(3.0), 1.0, 0.1)


@pytest.mark.parametrize(
    ("points", "times", "message"),
    [
        ([(1, 0)], (0.5,), "two or more"),
        ([(1, 0), (2, 0)], (0.5,), "a time each"),
        ([(1, 0), (2, 0)], (1.0, 1.0), "must increase"),
    ],
)
def test_waypoints_that_make_no_path(
    points: object, times: tuple[float, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_controller("pid", STEERING, VEHICLE).step(waypoints(points, times), 1.0, 0.1)


def test_presets_can_be_changed_in_part() -> None:
    controller = make_controller(
        "pid", STEERING, VEHICLE, {"preset": "tf21", "brake_steer_factor": 0.0}
    )
    assert controller.options.turn.window_s == 4.0  # type: ignore[attr-defined]
    assert controller.options.brake_steer_factor == 0.0  # type: ignore[attr-defined]
