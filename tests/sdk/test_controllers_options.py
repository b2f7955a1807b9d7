"""Names and settings of controllers: what is absurd is refused, and the setting named."""

from __future__ import annotations

import math

import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.controllers.transfuser import TransFuserOptions
from auxdrive.errors import ConfigError, UsageError
from steady_drive import STEERING, VEHICLE

GAINS = {"p": 1.0, "i": 0.5, "d": 0.1, "window_s": 2.0}


def test_wrong_names_and_configurations() -> None:
    with pytest.raises(UsageError, match="Did you mean 'pure_pursuit'"):
        make_controller("pure-pursuit", STEERING, VEHICLE)
    with pytest.raises(UsageError, match="Did you mean 'tf22'"):
        make_controller("pid", STEERING, VEHICLE, {"preset": "tf23"})
    with pytest.raises(UsageError, match="has no presets"):
        make_controller("steering", STEERING, VEHICLE, {"preset": "tf22"})
    with pytest.raises(
        UsageError,
        match=r"'steering' for one of steering.*ingest --wheelbase-m.*vehicle\.wheelbase_m",
    ):
        make_controller("pure_pursuit", STEERING, VehicleSpec(name="cart"))
    with pytest.raises(ConfigError, match=r"lookahead_time_s.*surprise"):
        make_controller("pure_pursuit", STEERING, VEHICLE, {"lookahead_time_s": -1, "surprise": 2})
    with pytest.raises(ConfigError, match="min_lookahead_m is larger"):
        make_controller("pure_pursuit", STEERING, VEHICLE, {"min_lookahead_m": 20})


@pytest.mark.parametrize(
    ("name", "options", "setting"),
    [
        ("pid", {"turn": {**GAINS, "p": -1.25}}, "turn.p"),
        ("pid", {"turn": {**GAINS, "i": math.nan}}, "turn.i"),
        ("pid", {"turn": {**GAINS, "d": 1e9}}, "turn.d"),
        ("pid", {"turn": {**GAINS, "window_s": 0.0}}, "turn.window_s"),
        ("pid", {"turn": {**GAINS, "period_s": 0}}, "turn.period_s"),
        ("pid", {"turn": {**GAINS, "p": True}}, "turn.p"),
        ("pid", {"speed": {"gains": {**GAINS, "p": "5"}}}, "speed.gains.p"),
        ("pid", {"speed": {"max_throttle": 0.0}}, "speed.max_throttle"),
        ("pid", {"speed": {"max_throttle": 1.1}}, "speed.max_throttle"),
        ("pid", {"speed": {"brake_ratio": 0.5}}, "speed.brake_ratio"),
        ("pid", {"speed": {"brake_speed_mps": -0.1}}, "speed.brake_speed_mps"),
        ("pid", {"speed": {"max_delta_mps": math.inf}}, "speed.max_delta_mps"),
        ("pid", {"brake_steer_factor": -1.0}, "brake_steer_factor"),
        ("pid", {"max_age_s": 0.0}, "max_age_s"),
        ("pid", {"max_age_s": math.inf}, "max_age_s"),
        ("steering", {"safe_stop_brake": 0.0}, "safe_stop_brake"),
        ("steering", {"safe_stop_brake": 1e-9}, "safe_stop_brake"),
        ("steering", {"target_speed_mps": -1.0}, "target_speed_mps"),
        ("steering", {"target_speed_mps": 1e6}, "target_speed_mps"),
        ("pure_pursuit", {"min_lookahead_m": 0.0}, "min_lookahead_m"),
        ("pure_pursuit", {"max_lookahead_m": 1e9}, "max_lookahead_m"),
        ("pure_pursuit", {"min_chord_m": 0}, "min_chord_m"),
        ("pure_pursuit", {"lookahead_time_s": math.nan}, "lookahead_time_s"),
        ("pure_pursuit", {"speed": {"response_s": 0.0}}, "speed.response_s"),
        ("pure_pursuit", {"speed": {"throttle_mps2": -3.5}}, "speed.throttle_mps2"),
        ("pure_pursuit", {"speed": {"hold_brake": 0.0}}, "speed.hold_brake"),
    ],
)
def test_absurd_settings_are_refused_by_name(
    name: str, options: dict[str, object], setting: str
) -> None:
    with pytest.raises(ConfigError, match=rf"controller '{name}': {setting.replace('.', '[.]')}: "):
        make_controller(name, STEERING, VEHICLE, options)


def test_settings_of_no_kind_are_refused() -> None:
    with pytest.raises(ConfigError, match="give them by name"):
        make_controller("pid", STEERING, VEHICLE, 5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="needs a SteeringSpec and a VehicleSpec"):
        make_controller("pid", VEHICLE, STEERING)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown controller"):
        make_controller(None, STEERING, VEHICLE)  # type: ignore[arg-type]


def test_settings_may_be_an_object_of_their_class() -> None:
    controller = make_controller("pid", STEERING, VEHICLE, TransFuserOptions(max_age_s=0.2))
    assert controller.options.max_age_s == 0.2  # type: ignore[attr-defined]
