"""The library without the packages of the command line (the extra `cli`), and without Pillow where
no image is read: nothing that drives needs them, and the command says what is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_processes import NO_COMMAND_LINE

BLOCKED = ("typer", "rich", "pygments", "PIL")
BLOCK = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Without())
"""
DRIVES = """
import sys, time
import numpy as np
import auxdrive
from auxdrive import *

for name in auxdrive.__all__:
    getattr(auxdrive, name)
image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
seen = dict(speed_mps=4.0, target_ego_m=(20.0, 0.0))

def frames():
    for _ in range(10):
        time.sleep(0.02)
        yield image, time.monotonic()

assert all(check.passed for check in verify_bundle(sys.argv[1]).checks)
commands = []
with Predictor.load(sys.argv[1], runtime="auto") as predictor:
    observation = Observation(image, time_s=10.0, **seen)
    prediction = predictor.predict(observation)
    controller = make_controller("pid", predictor.steering, predictor.vehicle)
    envelope = SafetyEnvelope(
        controller, predictor.steering, predictor.vehicle, predictor.camera
    )
    guarded = envelope.step(observation, prediction, speed_mps=4.0, now_s=10.05)
    assert guarded.mode.value == "driving", guarded
    health = DrivingLoop(
        predictor, IteratorCamera(frames()), commands.append, lambda: VehicleState(**seen), 20.0
    ).run()
assert health.predictions > 3, health
assert commands[-1].brake == 1.0
print(prediction.waypoints_ego_m.shape)
"""


def python(
    folder: Path, *arguments: object, blocked: tuple[str, ...] = BLOCKED
) -> subprocess.CompletedProcess[str]:
    """Run Python; it and the processes that it starts cannot import what is blocked."""
    (folder / "sitecustomize.py").write_text(BLOCK.format(modules=blocked))
    path = f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(folder / "cache")},
    )  # fmt: skip


def test_the_vehicle_drives(waypoint_bundle: Path, tmp_path: Path) -> None:
    done = python(tmp_path, "-c", DRIVES, waypoint_bundle)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(")


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_the_command_says_how_to_install_it(module: str, tmp_path: Path) -> None:
    done = python(tmp_path, "-m", "auxdrive", "doctor", blocked=(module,))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [NO_COMMAND_LINE]
