"""Telemetry: a process without CI that loads and predicts opens no socket, starts no thread, leaves
no file, and its children end.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.runtimes import RUNTIMES
from auxdrive.runtimes.telemetry import OFF
from clean_environment import without_ci

ROOT = Path(__file__).resolve().parents[2]
OWNERS = {
    "onnxruntime": ["sdk/auxdrive/runtimes/onnx_runtime.py"],
    "openvino": ["sdk/auxdrive/runtimes/openvino.py"],
    "ray": [
        "sdk/auxdrive/machine/ray_workers.py",
        "tests/ray_nodes.py",
        "tests/end_to_end/test_ray_clusters.py",
    ],
}

linux = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks into /proc")

WATCHED = """
import os, sys, time
import numpy as np
from auxdrive import Observation, Predictor

def threads():
    return sorted(os.listdir("/proc/self/task"))

def sockets():
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{number}")
            found += [link] if link.startswith("socket:") else []
        except OSError:
            pass
    return found

before, already = threads(), sockets()
frame = Observation(np.zeros((24, 32, 3), np.uint8), 0.0, 4.0, (3.0, 0.0))
with Predictor.load(sys.argv[1], sys.argv[2]) as predictor:
    begin = time.monotonic()
    # OpenVINO keeps the threads that compute; ONNX Runtime with one thread has none.
    wanted = before if sys.argv[2] == "onnxruntime" else threads()
    while time.monotonic() < begin + 2.0:
        predictor.predict(frame)
        assert sockets() == already, sockets()
        # The watch over the first run may take a moment to end.
        assert time.monotonic() < begin + 1.0 or threads() == wanted, threads()
        time.sleep(0.002)
    child = os.fork()
    if child == 0:
        sys.exit(0)  # not os._exit: what libraries do at the end of a process is what used to hang
    for _ in range(1000):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
        raise SystemExit("the forked child does not end")
    assert status == 0, status
"""


LOOPED = """
import os, sys, time
from importlib.util import find_spec
import numpy as np
from auxdrive import DrivingLoop, IteratorCamera, Predictor, VehicleState

def sockets():
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{number}")
            found += [link] if link.startswith("socket:") else []
        except OSError:
            pass
    return found

already = sockets()

def frames():
    for number in range(10):
        time.sleep(0.02)
        yield np.full((24, 32, 3), 100 + number, np.uint8), time.monotonic()

def actuate(control):
    assert sockets() == already, sockets()

for form in ["jsonl", *(["mcap"] if find_spec("mcap") else [])]:
    with Predictor.load(sys.argv[1]) as predictor:
        loop = DrivingLoop(
            predictor, IteratorCamera(frames()), actuate, lambda: VehicleState(4.0), 50.0,
            telemetry=f"{sys.argv[2]}/drive.{form}",
        )
        assert loop.run().frames == 10
"""


@linux
@pytest.mark.parametrize(
    "more",
    [{}, {"ORT_DISABLE_TELEMETRY": "0", "ORT_TELEMETRY_DISABLED": "0"}],
    ids=["unset", "set to 0"],
)
@pytest.mark.parametrize(
    "runtime", [name for name in RUNTIMES.names() if "cpu" in RUNTIMES[name].devices]
)
def test_no_socket_no_thread_no_file(
    waypoint_bundle: Path, tmp_path: Path, more: dict[str, str], runtime: str
) -> None:
    command = [sys.executable, "-W", "error", "-c", WATCHED, str(waypoint_bundle), runtime]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=without_ci(tmp_path, **more),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []


@linux
def test_a_driving_loop_opens_no_socket_and_leaves_nothing(
    steering_bundle: Path, tmp_path: Path
) -> None:
    """With telemetry in every format whose package is installed here."""
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOOPED, str(steering_bundle), str(out)],
        capture_output=True,
        text=True,
        env=without_ci(home),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
    assert {file.suffix for file in out.iterdir()} <= {".jsonl", ".mcap"}


@linux
def test_the_commands_leave_nothing_either(waypoint_bundle: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-c", "from auxdrive.cli import main; main()"]
    done = subprocess.run(
        [*run, "verify", str(waypoint_bundle)],
        capture_output=True,
        text=True,
        env=without_ci(tmp_path),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []


def test_whoever_imports_openvino_too_early_is_told_and_the_rest_is_silent() -> None:
    code = (
        "import sys, types; sys.modules['openvino_telemetry'] = types.ModuleType('sender')\n"
        "import auxdrive; assert sys.modules['openvino_telemetry'] is None"
    )
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    for more, said in (({}, True), ({"CI": "1"}, False)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**env, **more},
            timeout=60,
            check=True,
        )
        assert ("openvino was imported before auxdrive" in done.stderr) is said


def test_whoever_imports_it_too_early_is_told() -> None:
    code = (
        "import sys, types; sys.modules['onnxruntime'] = types.ModuleType('onnxruntime'); import "
        "auxdrive"
    )
    env = {name: value for name, value in os.environ.items() if name not in (*OFF, "CI")}
    for more, said in (({}, True), ({"ORT_DISABLE_TELEMETRY": "1"}, False), ({"CI": "1"}, False)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**env, **more},
            timeout=60,
            check=True,
        )
        assert ("onnxruntime was imported before auxdrive" in done.stderr) is said


@pytest.mark.parametrize("package", OWNERS)
def test_one_module_imports_each(package: str) -> None:
    importing = []
    for folder in ("sdk", "train", "deploy", "carla_eval", "benchmarks", "tests", "examples"):
        for file in (ROOT / folder).rglob("*.py"):
            names = [
                name
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for name in (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                )
            ]
            if any(re.match(rf"{package}(\.|$)", name) for name in names):
                importing.append(file.relative_to(ROOT).as_posix())
    assert sorted(importing) == sorted(OWNERS[package])
