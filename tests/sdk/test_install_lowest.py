"""The lowest versions that pyproject.toml declares for the vehicle and the command line: the base
commands run with them.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from clean_environment import ROOT, environment_with, run
from PIL import Image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.version_info >= (3, 13), reason="the lowest NumPy has no wheels for this Python"
    ),
]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = {
    name: version
    for need in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cli"])
    for name, version in [re.fullmatch(r"([a-z0-9-]+)>=([0-9.]+)", need).groups()]  # type: ignore[union-attr]
}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a clean environment with exactly the lowest versions."""
    return environment_with(
        tmp_path_factory.mktemp("lowest") / "venv",
        *(f"{name}=={version}" for name, version in DECLARED.items()),
        extra="cli",
    )


def test_they_are_what_is_installed(python: Path) -> None:
    code = (
        f"import json; from importlib import metadata; print(json.dumps({{n: metadata.version(n) "
        f"for n in {list(DECLARED)!r}}}))"
    )
    found = json.loads(run(python, "-I", "-c", code).stdout)
    for name, version in DECLARED.items():
        assert re.fullmatch(rf"{re.escape(version)}(\.0)*", found[name]), (
            f"{name} {found[name]}, declared {version}"
        )


def test_the_base_commands_run(
    python: Path, steering_bundle: Path, waypoint_bundle: Path, tmp_path: Path
) -> None:
    image = tmp_path / "frame.png"
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(image)
    command = python.with_name("auxdrive")
    for arguments in (
        ("--help",),
        ("predict", "--help"),
        ("doctor",),
        ("inspect", steering_bundle),
        ("predict", steering_bundle, image),
        ("predict", waypoint_bundle, image, "--speed", "4", "--target", "3,0", "--json"),
        ("verify", steering_bundle),
        ("verify", waypoint_bundle, "--json"),
    ):
        done = run(command, *arguments, cwd=tmp_path)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        assert "Warning" not in done.stderr
    mistaken = run(command, "verify", cwd=tmp_path)
    assert mistaken.returncode == 2
    assert "Traceback" not in mistaken.stderr


def test_hostile_numbers_are_refused_as_with_the_newest(
    python: Path, waypoint_bundle: Path
) -> None:
    """NumPy's own conversions differ between versions; ours do not."""
    code = """
import sys, numpy as np
from auxdrive import InputError, Observation, Predictor
predictor, image = Predictor.load(sys.argv[1]), np.zeros((24, 32, 3), np.uint8)
good = {"time_s": 0.0, "speed_mps": np.float32(4), "target_ego_m": np.array([3, 0])}
assert predictor.predict(Observation(image, **good)).waypoints_ego_m is not None
for name, value in (("speed_mps", np.array([4.0])), ("time_s", np.array([1.0])),
                    ("target_ego_m", np.array([[3.0], [0.0]])), ("speed_mps", "4"),
                    ("time_s", None), ("target_ego_m", 5.0), ("speed_mps", 10**400),
                    ("time_s", True)):
    try:
        predictor.predict(Observation(image, **{**good, name: value}))
    except InputError as error:
        assert name in str(error)
    else:
        raise SystemExit(f"{name} {value!r} was taken")
"""
    done = run(python, "-W", "error", "-c", code, waypoint_bundle)
    assert done.returncode == 0, done.stderr
