"""A controller of somebody else's package: made by name, guarded as ours are, named in help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.controllers import CONTROLLERS, make_controller
from auxdrive.errors import ConfigError, UsageError
from foreign_packages import install_package
from steady_drive import STEERING, VEHICLE, SteadyDrive, steers

SOURCE = """
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions
from auxdrive.types import Control


class SlowOptions(ControllerOptions):
    throttle: float = 0.25


class Slow(GuardedController):
    options_type = SlowOptions
    presets = {"slower": SlowOptions(throttle=0.125)}

    def __init__(self, steering, vehicle, options):
        super().__init__(steering, vehicle, options)
        self.options = options

    def _command(self, prediction, speed_mps, now_s):
        return Control(prediction.steer_rad, self.options.throttle, 0.0)

    def _forget(self):
        pass


class Unguarded:
    options_type = SlowOptions
    presets = {}
"""
POINTS = {"slow": "slow_cars_module:Slow", "unguarded": "slow_cars_module:Unguarded"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_package(tmp_path, "slow_cars", "auxdrive.controllers", POINTS, SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_it_is_made_by_name_and_guarded(site: Path) -> None:
    for options, throttle in ((None, 0.25), ({"preset": "slower"}, 0.125)):
        drive = SteadyDrive(make_controller("slow", STEERING, VEHICLE, options))
        assert drive.step(steers(0.1), 4.0).throttle == throttle
        stopped = drive.step(steers(float("nan")), 4.0)
        assert (stopped.throttle, stopped.brake, stopped.steer_rad) == (0.0, 1.0, 0.1)
    with pytest.raises(ConfigError, match=r"'slow': throtle.*|Did you mean 'throttle'"):
        make_controller("slow", STEERING, VEHICLE, {"throtle": 1.0})


def test_one_without_the_guard_is_refused(site: Path) -> None:
    with pytest.raises(
        UsageError, match=r"'unguarded' of the package 'slow-cars' cannot be .* is no controller"
    ):
        make_controller("unguarded", STEERING, VEHICLE)
    with pytest.raises(UsageError, match="Did you mean 'slow'"):
        make_controller("slo", STEERING, VEHICLE)
    make_controller("pid", STEERING, VEHICLE)


def test_the_drive_command_knows_it(site: Path) -> None:
    env = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(site)}

    def drive(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "auxdrive", "drive", *arguments],
            capture_output=True, text=True, check=False, env=env,
        )  # fmt: skip

    assert "slow" in CONTROLLERS.names()
    assert f"{', '.join(CONTROLLERS.names())} (default" in " ".join(drive("--help").stdout.split())
    assert "leave out --controller" in drive("expert", "--controller", "slow").stderr
    assert "Did you mean 'slow'" in drive("expert", "--controller", "slo").stderr
