"""Labels read off an episode's state: geometry, what is valid, and states that are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.data.state import STATE_DTYPE
from auxdrive.types import AnyArray
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.waypoints import WaypointsTask, future_positions_ego_m
from hypothesis import given
from hypothesis import strategies as st


def circle(
    n: int, rate_hz: float, speed_mps: float, radius_m: float, start_rad: float = 0.0
) -> AnyArray:
    """A left turn (right turn for a negative radius) at constant speed, starting at heading
    `start_rad` somewhere in the world.
    """
    state = np.zeros(n, STATE_DTYPE)
    state["time_s"] = np.arange(n) / rate_hz
    yaw = start_rad + speed_mps * state["time_s"] / radius_m
    state["x_m"], state["y_m"] = 120.0 + radius_m * np.sin(yaw), -40.0 - radius_m * np.cos(yaw)
    state["yaw_rad"] = (yaw + np.pi) % (2 * np.pi) - np.pi
    state["speed_mps"], state["steer_rad"] = speed_mps, math.atan(2.9 / radius_m)
    state["target_x_m"], state["target_y_m"] = 20.0, 1.0
    return state


@given(
    st.floats(1.0, 15.0),
    st.floats(15.0, 500.0),
    st.sampled_from([-1.0, 1.0]),
    st.floats(-3.0, 3.0),
    st.sampled_from([4.0, 10.0, 30.0]),
)
def test_waypoints_on_a_circle(
    speed: float, radius: float, side: float, start: float, rate: float
) -> None:
    task = WaypointsTask()
    labels = task.labels(circle(int(3 * rate) + 1, rate, speed, side * radius, start), rate)
    assert labels.valid.sum() == int(rate) + 1
    angle = speed * np.array([0.5, 1.0, 1.5, 2.0]) / radius
    wanted = np.stack([radius * np.sin(angle), side * radius * (1 - np.cos(angle))], axis=1)
    # a chord between two records cuts the corner by at most this
    sagitta = radius * (1 - np.cos(speed / rate / radius / 2))
    np.testing.assert_allclose(
        labels.label[labels.valid],
        np.broadcast_to(wanted, (int(rate) + 1, 4, 2)),
        atol=sagitta + 1e-3,
    )
    assert labels.label.dtype == labels.ego.dtype == np.float32
    np.testing.assert_array_equal(labels.ego[0], np.array([speed, 20.0, 1.0], np.float32))


def test_waypoints_between_records_are_interpolated_in_time() -> None:
    state = circle(4, 0.8, 4.0, 1e9)  # records 1.25 s apart, straight ahead
    got = future_positions_ego_m(state, (0.5, 1.0), max_gap_s=10.0)
    np.testing.assert_allclose(got[0], [[2.0, 0.0], [4.0, 0.0]], atol=1e-6)


def test_the_future_ends_with_the_episode() -> None:
    labels = WaypointsTask().labels(circle(25, 10.0, 5.0, 100.0), 10.0)
    np.testing.assert_array_equal(np.flatnonzero(labels.valid), np.arange(5))
    assert not labels.label[5:].any()
    assert not labels.ego[5:].any()


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_episodes_too_short_have_no_valid_record(n: int) -> None:
    labels = WaypointsTask().labels(circle(n, 10.0, 5.0, 100.0), 10.0)
    assert labels.label.shape == (n, 4, 2)
    assert not labels.valid.any()


@pytest.mark.parametrize(
    "field", ["x_m", "y_m", "yaw_rad", "speed_mps", "target_x_m", "target_y_m"]
)
def test_a_record_that_does_not_know_is_not_valid(field: str) -> None:
    state = circle(60, 10.0, 5.0, 100.0)
    state[field][10] = np.nan
    labels = WaypointsTask().labels(state, 10.0)
    assert not labels.valid[10]
    assert labels.valid[11]
    assert np.isfinite(labels.label).all()
    assert np.isfinite(labels.ego).all()
    # A lost position also spoils the records whose future it is; a lost heading, speed or target
    # point does
    # not.
    assert labels.valid[5] == (field not in ("x_m", "y_m"))


def test_nothing_is_interpolated_across_a_gap() -> None:
    state = np.delete(circle(80, 10.0, 5.0, 100.0), np.arange(40, 46))
    labels = WaypointsTask().labels(state, 10.0)
    # Record 36 asks for 4.1 s, 4.6 s, 5.1 s and 5.6 s, and nothing is known between 3.9 s and 4.6
    # s.
    assert not labels.valid[36]
    assert not labels.valid[35]
    assert labels.valid[40]
    assert labels.valid[19]  # at most 3.9 s
    one_lost = np.delete(circle(80, 10.0, 5.0, 100.0), [40])
    assert WaypointsTask().labels(one_lost, 10.0).valid[36]


def test_a_path_that_was_disturbed_on_purpose_is_not_the_drivers() -> None:
    state = circle(80, 10.0, 5.0, 100.0)
    state["disturbed"][40:43] = 1
    valid = WaypointsTask().labels(state, 10.0).valid
    # From the first record whose two seconds ahead hold a disturbed one to the one before the last
    # disturbed one, whose own is past.
    np.testing.assert_array_equal(np.flatnonzero(~valid[:60]), np.arange(20, 42))
    # the label is what the driver commanded, disturbed or not
    assert SteeringTask().labels(state, 10.0).valid.all()


def test_steering_needs_the_angle_alone() -> None:
    state = circle(6, 10.0, 5.0, 100.0)
    for field in ("x_m", "y_m", "yaw_rad", "speed_mps", "target_x_m", "target_y_m"):
        state[field] = np.nan
    state["steer_rad"][2] = np.nan
    labels = SteeringTask().labels(state, 10.0)
    np.testing.assert_array_equal(labels.valid, [True, True, False, True, True, True])
    assert labels.ego.shape == (6, 0)
    assert labels.label.shape == (6, 1)
    assert labels.label[2] == 0
    assert labels.label[0] == np.float32(math.atan(0.029))
