"""The limits of commands: each one, what goes before what, a twin that computes them in another
way, and hostile commands, of which none gets through.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.envelope.guarded import EnvelopeFlag
from auxdrive.envelope.limiter import Limiter
from auxdrive.envelope.options import EnvelopeLimits
from auxdrive.errors import UsageError
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control
from enveloped import STEERING, VEHICLE, Drive
from hypothesis import given
from hypothesis import strategies as st
from within_limits import (
    broken_limits,
    demand_of,
    gentle_angles,
    interpolated,
    rate_of,
    widest_angle,
)

LIMITS = EnvelopeLimits()
EASY = Control(0.0, 0.0, 0.0)


def limiter(last: Control | None = EASY, limits: EnvelopeLimits = LIMITS) -> Limiter:
    made = Limiter(STEERING, VEHICLE, limits)
    made.last = last
    return made


def test_what_is_within_the_limits_passes_to_the_last_bit() -> None:
    wanted = Control(0.001234567, 0.0123, 0.0)
    assert limiter().limit(wanted, 4.0, 0.05) == (wanted, ())


def test_the_wheels_turn_no_faster_than_the_vehicle_can() -> None:
    control, cut = limiter().limit(Control(0.5, 0.0, 0.0), 1.0, 0.05)
    assert control.steer_rad == pytest.approx(1.2 * 0.05)
    assert cut == (EnvelopeFlag.STEERING_RATE,)


def test_the_rate_is_the_options_then_the_vehicles_then_one() -> None:
    unknown = VehicleSpec(wheelbase_m=2.8)
    for vehicle, limits, rate in (
        (VEHICLE, EnvelopeLimits(steer_rate_radps=0.3), 0.3),
        (VEHICLE, LIMITS, 1.2),
        (unknown, LIMITS, 1.0),
    ):
        made = Limiter(STEERING, vehicle, limits)
        made.last = EASY
        assert made.limit(Control(0.5, 0.0, 0.0), 0.0, 0.1)[0].steer_rad == pytest.approx(
            0.1 * rate
        )


def test_the_first_angle_is_free_up_to_the_lateral_acceleration() -> None:
    """Where the wheels stand is not known."""
    made = limiter(None)
    assert made.limit(Control(0.5, 0.0, 0.0), 1.0, 0.0)[0].steer_rad == 0.5
    control, cut = limiter(None).limit(Control(0.5, 0.0, 0.0), 10.0, 0.0)
    assert 10.0**2 * math.tan(control.steer_rad) / 2.8 == pytest.approx(3.0)
    assert cut == (EnvelopeFlag.LATERAL_ACCELERATION,)


def test_the_lateral_jerk_is_of_the_steering() -> None:
    control, cut = limiter().limit(Control(0.1, 0.0, 0.0), 15.0, 0.05)
    assert 15.0**2 * math.tan(control.steer_rad) / 2.8 / 0.05 == pytest.approx(5.0)
    assert cut == (EnvelopeFlag.LATERAL_JERK,)


def test_a_car_that_became_faster_turns_its_wheels_back_as_fast_as_it_can() -> None:
    """The lateral acceleration goes before the jerk, and the rate of the wheels before both. The
    throttle is released.
    """
    made = limiter(Control(0.3, 0.5, 0.0))
    control, cut = made.limit(Control(0.3, 0.5, 0.0), 20.0, 0.05)
    assert control.steer_rad == pytest.approx(0.3 - 1.2 * 0.05)
    assert control.throttle == 0.0
    assert cut == (EnvelopeFlag.LATERAL_ACCELERATION,)
    for _ in range(10):
        control, cut = made.limit(Control(0.3, 0.5, 0.0), 20.0, 0.05)
    assert 20.0**2 * math.tan(control.steer_rad) / 2.8 == pytest.approx(3.0)


def test_throttle_and_brake_change_by_the_longitudinal_jerk() -> None:
    made = limiter()
    control, cut = made.limit(Control(0.0, 1.0, 0.0), 5.0, 0.1)
    assert control.throttle * 3.5 == pytest.approx(0.5)
    assert cut == (EnvelopeFlag.LONGITUDINAL_JERK,)
    # released at once, and the brake applied from nought
    control, _ = made.limit(Control(0.0, 0.0, 1.0), 5.0, 0.1)
    assert control.throttle == 0.0
    assert control.brake * 8.0 == pytest.approx(2.0)


@pytest.mark.parametrize(("speed_mps", "most", "least"), [(5, 4, 5), (12.5, 3, 4.25), (30, 2, 3.5)])
def test_acceleration_and_deceleration_depend_on_the_speed(
    speed_mps: float, most: float, least: float
) -> None:
    strong = EnvelopeLimits(full_throttle_mps2=10.0, full_brake_mps2=10.0)
    made = limiter(EASY, strong)
    for _ in range(40):
        control, cut = made.limit(Control(0.0, 1.0, 0.0), speed_mps, 0.1)
    assert demand_of(control, strong) == pytest.approx(most)
    assert EnvelopeFlag.ACCELERATION in cut
    for _ in range(40):
        control, cut = made.limit(Control(0.0, 0.0, 1.0), speed_mps, 0.1)
    assert demand_of(control, strong) == pytest.approx(-least)
    assert EnvelopeFlag.DECELERATION in cut


def test_a_drivers_hard_brake_is_eased_off() -> None:
    made = limiter(Control(0.0, 0.0, 1.0))
    control, _ = made.limit(Control(0.0, 0.0, 1.0), 5.0, 0.1)
    assert control.brake * 8.0 == pytest.approx(8.0 - 0.5)


def test_both_pedals_at_once_are_the_brake() -> None:
    control, cut = limiter().limit(Control(0.0, 0.5, 0.1), 4.0, 0.1)
    assert control == Control(0.0, 0.0, 0.1)
    assert cut == (EnvelopeFlag.BOTH_PEDALS,)


def test_a_vehicle_of_unknown_wheelbase_is_refused() -> None:
    with pytest.raises(UsageError, match="needs the wheelbase of the vehicle 'unknown'"):
        Limiter(STEERING, VehicleSpec(), LIMITS)


# A twin, and hostile commands

numbers = st.floats(allow_nan=False, allow_infinity=False)
angles = st.one_of(st.floats(-0.9, 0.9), numbers)
pedals = st.one_of(st.floats(0, 1), numbers)
commands = st.builds(Control, angles, pedals, pedals)
speeds = st.one_of(st.floats(0, 70), st.sampled_from([0.0, 1e-4, 5.0, 20.0, 70.0]))
elapsed = st.one_of(st.floats(0, 0.5), st.just(0.0), st.just(0.05))
positive = st.floats(0.1, 50)
some_limits = st.builds(
    EnvelopeLimits,
    lateral_acceleration_mps2=positive,
    lateral_jerk_mps3=positive,
    acceleration_mps2=st.tuples(positive, positive),
    deceleration_mps2=st.tuples(positive, positive),
    jerk_mps3=st.tuples(positive, positive),
    braking_jerk_mps3=positive,
)
vehicles = st.builds(
    VehicleSpec,
    wheelbase_m=st.floats(0.1, 30),
    max_steer_rate_radps=st.one_of(st.none(), st.floats(0.01, 50)),
)
steerings = st.builds(SteeringSpec, max_road_wheel_deg=st.floats(1, 90))


def nearest(value: float, low: float, high: float) -> float:
    return float(np.clip(value, low, high))


def twin(
    wanted: Control,
    held: Control,
    speed_mps: float,
    elapsed_s: float,
    steering: SteeringSpec,
    vehicle: VehicleSpec,
    limits: EnvelopeLimits,
) -> Control:
    """The nearest command in the intersection of what each limit allows."""
    largest = steering.max_road_wheel_rad
    reach = rate_of(limits, vehicle) * elapsed_s
    widest = widest_angle(limits, vehicle, speed_mps)
    gentle = gentle_angles(limits, vehicle, speed_mps, elapsed_s, held.steer_rad)
    wheels = max(held.steer_rad - reach, -largest), min(held.steer_rad + reach, largest)
    low, high = max(wheels[0], gentle[0], -widest), min(wheels[1], gentle[1], widest)
    if low <= high:
        steer = nearest(wanted.steer_rad, low, high)
    else:  # the jerk gives way
        steer = nearest(math.copysign(widest, held.steer_rad), *wheels)
    cut = nearest(wanted.steer_rad, max(wheels[0], gentle[0]), min(wheels[1], gentle[1]))
    was = demand_of(held, limits)
    rising = was + interpolated(limits.jerk_mps3, speed_mps) * elapsed_s
    falling = min(was, 0.0) - limits.braking_jerk_mps3 * elapsed_s
    most = 0.0 if abs(cut) > widest else interpolated(limits.acceleration_mps2, speed_mps)
    least = min(-interpolated(limits.deceleration_mps2, speed_mps), rising)
    brake = nearest(wanted.brake, 0, 1)
    throttle = 0.0 if brake else nearest(wanted.throttle, 0, 1)
    demand = nearest(
        demand_of(Control(0.0, throttle, brake), limits), max(falling, least), min(rising, most)
    )
    return Control(
        steer,
        max(demand, 0.0) / limits.full_throttle_mps2,
        max(-demand, 0.0) / limits.full_brake_mps2,
    )


@given(
    st.lists(st.tuples(commands, speeds, elapsed), min_size=2, max_size=6),
    some_limits,
    vehicles,
    steerings,
)
def test_the_twin_says_the_same_and_no_limit_is_broken(
    ticks: list[tuple[Control, float, float]],
    limits: EnvelopeLimits,
    vehicle: VehicleSpec,
    steering: SteeringSpec,
) -> None:
    made = Limiter(steering, vehicle, limits)
    for wanted, speed_mps, elapsed_s in ticks:
        held = made.last
        control, cut = made.limit(wanted, speed_mps, elapsed_s)
        assert broken_limits(held, control, speed_mps, elapsed_s, steering, vehicle, limits) == []
        assert bool(cut) == (control != wanted)
        if held is None:
            continue
        same = twin(wanted, held, speed_mps, elapsed_s, steering, vehicle, limits)
        assert control.steer_rad == pytest.approx(same.steer_rad, abs=1e-9)
        assert control.throttle == pytest.approx(same.throttle, abs=1e-9)
        assert control.brake == pytest.approx(same.brake, abs=1e-9)


def test_a_car_that_rolls_backwards_is_limited_like_one_that_drives() -> None:
    drive = Drive(speed_mps=15.0)
    drive.ticks(3)
    drive.tick(0.3, speed_mps=-15.0)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0, 40)), min_size=5, max_size=30))
def test_no_drive_leaves_the_limits(drive: list[tuple[float, float]]) -> None:
    """A controller and the whole envelope; `Drive` checks each command."""
    envelope = Drive()
    for steer_rad, speed_mps in drive:
        envelope.speed_mps = speed_mps
        envelope.tick(steer_rad)


def test_the_check_of_limits_finds_what_is_broken() -> None:
    """It is what the tests and the fuzzer rely on."""
    for after, speed_mps, broken in (
        (Control(math.nan, 0.0, 0.0), 4.0, ["plain finite numbers"]),
        (Control(0.9, 0.0, 0.0), 0.0, ["maximum angle", "rate"]),
        (Control(0.07, 0.0, 0.0), 0.1, ["rate"]),
        (Control(0.05, 0.0, 0.0), 20.0, ["lateral acceleration", "lateral jerk"]),
        (Control(0.005, 0.0, 0.0), 20.0, ["lateral jerk"]),
        (Control(0.0, 0.08, 0.0), 4.0, ["rising"]),
        (Control(0.0, 0.0, 0.2), 4.0, ["braking"]),
        (Control(0.0, 0.0, 1.1), 4.0, ["pedals", "deceleration", "braking"]),
        (Control(0.0, 0.02, 0.02), 4.0, ["one pedal"]),
        (EASY, 4.0, []),
    ):
        found = broken_limits(EASY, after, speed_mps, 0.05, STEERING, VEHICLE, LIMITS)
        assert [name.partition(":")[0] for name in found] == broken, after
