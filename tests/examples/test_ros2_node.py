"""The ROS 2 node runs for real, in an environment of its own: rclpy and Fast DDS as a volunteer
builds them for PyPI (github.com/ycheng517/ros-python-wheels; ROS itself publishes none there).

These are nobody's official packages, and 100 MB. So they are installed only where that is asked
for:

    AUXDRIVE_ROS2=1 .venv/bin/python -m pytest tests/examples/test_ros2_node.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clean_environment import environment_with, run
from example_programs import EXAMPLES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or sys.version_info >= (3, 14),
        reason="there are wheels of rclpy for Linux and Python 3.10 to 3.13",
    ),
    pytest.mark.skipif(
        not os.environ.get("AUXDRIVE_ROS2"),
        reason="installs rclpy, which is not ROS's own there: set AUXDRIVE_ROS2=1",
    ),
]
ROS = [
    f"ros-{name}"
    for name in ("rclpy==9.1.2", "rmw-fastrtps-cpp==9.3.3", "sensor-msgs", "nav-msgs", "std-srvs")
]
PEER = Path(__file__).with_name("ros2_peer.py")
SPEED_MPS = 4.0


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with rclpy. Its start-up file runs Python anew with the libraries' path, so these
    packages belong into no environment that is used for anything else.
    """
    return environment_with(tmp_path_factory.mktemp("ros") / "venv", *ROS)


def test_it_drives_stops_and_ends_with_a_stop(
    python: Path, waypoint_bundle: Path, tmp_path: Path
) -> None:
    """Messages go over this machine's own network alone."""
    env = {
        **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")},
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(os.getpid() % 100),
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    words = ["--ros-args", "-p", f"bundle:={waypoint_bundle}", "-p", "rate_hz:=20.0"]
    with (tmp_path / "node.log").open("w") as log:
        node = subprocess.Popen(
            [python, EXAMPLES / "ros2" / "auxdrive_node.py", *words],
            stdout=log, stderr=log, env=env,
        )  # fmt: skip
        try:
            peer = subprocess.run(
                [python, PEER, str(node.pid), "32", "24", str(SPEED_MPS)],
                capture_output=True, text=True, env=env, check=False, timeout=200,
            )  # fmt: skip
            code = node.wait(20)
        finally:
            node.kill()
            node.wait()
    said = (tmp_path / "node.log").read_text()
    assert peer.returncode == 0, peer.stderr + said
    commands = json.loads(peer.stdout)
    driven = [commands["seen"][-5:], commands["again"][-5:]]
    assert all(0.5 * SPEED_MPS < speed < 2 * SPEED_MPS for part in driven for speed, _ in part)
    stopped = commands["blind"][-5:] + commands["waits"]
    assert all(speed == 0 for speed, _ in stopped)
    assert commands["ended"][-1][0] == 0
    assert code == 0, said
    assert "it drives" in said
    assert "s old" in said  # why it stopped


def test_a_parameter_that_cannot_be_is_told(python: Path, waypoint_bundle: Path) -> None:
    words = ["--ros-args", "-p", f"bundle:={waypoint_bundle}", "-p", "command:=wheel"]
    done = run(python, EXAMPLES / "ros2" / "auxdrive_node.py", *words)
    assert done.returncode != 0
    assert "command is 'wheel'; give twist or ackermann" in done.stderr
