"""The menus cover what somebody else's package adds: its names stand in them, what is right passes,
and what is wrong is found.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_packages import install_package

CHECKS = Path(__file__).parent
SOURCE = """
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions
from auxdrive.errors import InputError
from auxdrive.types import Control


class Steady(GuardedController):
    "The predicted angle, and half throttle."
    options_type = ControllerOptions

    def _command(self, prediction, speed_mps, now_s):
        if prediction.steer_rad is None:
            raise InputError("takes steering; no waypoints, path_speed, classification")
        return Control(prediction.steer_rad, 0.5, 0.0)

    def _forget(self):
        pass


class Counting(Steady):
    "Steers farther at each call, whatever the time."

    def __init__(self, steering, vehicle, config):
        super().__init__(steering, vehicle, config)
        self.calls = 0

    def _command(self, prediction, speed_mps, now_s):
        self.calls += 1
        command = super()._command(prediction, speed_mps, now_s)
        return Control(command.steer_rad * (1 + 0.01 * self.calls), 0.5, 0.0)
"""
POINTS = {"steady": "steady_cars_module:Steady", "counting": "steady_cars_module:Counting"}


def menu(site: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest on the menu of controllers, as somebody who has the package installed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", "-rf",
         *map(str, sorted(CHECKS.glob("test_every_controller*.py"))), *arguments],
        capture_output=True, text=True, check=False, cwd=CHECKS.parents[1],
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_package_of_somebody_else_is_checked_as_ours_are(tmp_path: Path) -> None:
    install_package(tmp_path, "steady_cars", "auxdrive.controllers", POINTS, SOURCE)
    code, said = menu(tmp_path, "-k", "steady or counting")
    assert code == 1, said
    failed = re.findall(r"FAILED .*::(\w+)\[.*?(steady|counting)\]", said)
    assert {name for _, name in failed} == {"counting"}, said
    assert {
        "test_at_any_rate_it_ends_with_the_same_command",
        "test_a_reset_gives_the_first_command_again",
    } <= {test for test, _ in failed}
    assert "test_a_speed_that_no_car_has_is_a_safe_stop" not in {test for test, _ in failed}


@pytest.mark.slow
def test_a_type_that_there_is_not_is_refused(tmp_path: Path) -> None:
    code, said = menu(tmp_path, "--dtype", "float16")
    assert code == 4
    assert "float16; choose from float32, float64, bfloat16, all" in said
