"""The suite `carla` runs against the server that CARLA_HOST and CARLA_PORT name, and writes one
file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from carla_report import FILE, HOST, PORT
from carla_server.process import ServerProcess

ROOT = Path(__file__).parents[2]


def test_the_suite_runs_against_a_server_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    with ServerProcess(["--scene", "carla_eval.carla_scenes:Still"]) as server:
        named = {HOST: "127.0.0.1", PORT: str(server.port), FILE: str(file)}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "carla"]
        ran = subprocess.run(
            [*command, "tests/carla_eval/test_carla_suite.py", "-k", "versions or begins"],
            cwd=ROOT,
            env=os.environ | named,
            capture_output=True,
            text=True,
            check=False,
        )
        calls = server.report()["calls"]
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"the file to send: {file}" in ran.stdout
    assert calls["tick_cue"] > 20
    report = json.loads(file.read_text())
    first, second = report["tests"]
    assert (first["test"], first["outcome"]) == ("test_versions_and_towns", "passed")
    assert first["measured"]["server"] == report["carla"]
    assert second["measured"]["centre_from_start_m"] < 0.01
    assert second["measured"]["axles"]["max_steer_deg"][:2] == [70.0, 70.0]
