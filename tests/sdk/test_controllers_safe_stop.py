"""The guard around every controller: commands out of hand, and predictions that are none. What each
controller must do stands in `tests/checks/test_every_controller_stops.py`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from auxdrive.controllers import make_controller
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions
from auxdrive.errors import InputError
from auxdrive.types import Control, Prediction
from steady_drive import LEFT, STEERING, VEHICLE, steers


class Overflowing(GuardedController):
    """A controller whose numbers get out of hand."""

    def __init__(self, command: Control | Exception) -> None:
        super().__init__(STEERING, VEHICLE, ControllerOptions())
        self.command = command

    def _forget(self) -> None:
        pass

    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        if isinstance(self.command, Exception):
            raise self.command
        return self.command


@pytest.mark.parametrize(
    "command",
    [
        Control(math.nan, 0.5, 0.0),
        Control(0.1, math.inf, 0.0),
        Control(0.1, 0.5, math.nan),
        OverflowError("too large"),
        ZeroDivisionError(),
    ],
)
def test_a_command_that_is_not_finite_is_a_stop(command: Control | Exception) -> None:
    controller = Overflowing(command)
    assert controller.step(steers(0.1), 4.0, 0.0) == Control(0.0, 0.0, 1.0)
    assert controller.stop_reason != ""


def test_a_controller_of_ones_own_is_cut_to_its_ranges_and_gives_plain_floats() -> None:
    control = Overflowing(Control(np.float32(9), np.float32(2.0), np.float64(-1.0))).step(
        steers(0.1), 4.0, 0.0
    )  # type: ignore[arg-type]
    assert control == Control(STEERING.max_road_wheel_rad, 1.0, 0.0)
    assert all(
        type(value) is float for value in (control.steer_rad, control.throttle, control.brake)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"waypoints_ego_m": [[1, 0], [2]]}, "no array"),
        ({"waypoints_ego_m": [["a", "b"], ["c", "d"]]}, "no numbers"),
        ({"waypoint_times_s": (0.5, math.nan, 1.5, 2.0)}, "must increase"),
        ({"waypoint_times_s": (0.5, "1", 1.5, 2.0)}, "a waypoint's time is '1'"),
        ({"time_s": None}, "time_s is None"),
        ({"waypoint_times_s": None}, "times are None"),
        ({"waypoint_times_s": 0.5}, "times are 0.5"),
        ({"flags": None}, "flags are None"),
        ({"flags": ["output_limit"]}, "flags are a list"),  # as JSON brings them back
        ({"flags": "output_limit"}, "flags are 'output_limit'"),
        ({"values": [1]}, "values are a list"),
        ({"reason": None}, "reason is None; give a sentence"),
    ],
)
def test_predictions_that_are_none(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_controller("pid", STEERING, VEHICLE).step(replace(LEFT, **change), 4.0, 0.1)  # type: ignore[arg-type]
