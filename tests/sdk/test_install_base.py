"""The vehicle's install, in a virtual environment of its own: what comes with it, and that it works
alone.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from clean_environment import environment_with, run
from cli_processes import NO_COMMAND_LINE
from PIL import Image

PACKAGES = {"auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval"}
BASE = {"numpy", "pydantic", "onnxruntime", "pillow"}
LARGEST_MB = 200.0
ABSENT = (
    "typer",
    "rich",
    "torch",
    "onnx",
    "panda3d",
    "scipy",
    "lightning-fabric",
    "matplotlib",
    "jinja2",
    "av",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a clean environment with `pip install .` and nothing else."""
    return environment_with(tmp_path_factory.mktemp("vehicle") / "venv")


@pytest.fixture(scope="module")
def with_command_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the extra `cli`."""
    return environment_with(tmp_path_factory.mktemp("commands") / "venv", extra="cli")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(python: Path) -> dict[str, list[str]]:
    """Installed distribution -> what it requires without extras."""
    code = (
        "import json; from importlib import metadata; "
        "print(json.dumps({d.name: [r for r in d.requires or [] if 'extra ==' not in r] for d in "
        "metadata.distributions()}))"
    )
    found: dict[str, list[str]] = json.loads(run(python, "-I", "-c", code).stdout)
    return {
        canonical(name): [canonical(re.split(r"[^A-Za-z0-9._-]", entry)[0]) for entry in needs]
        for name, needs in found.items()
    }


def test_only_the_four_and_what_they_need_came(python: Path) -> None:
    found = distributions(python)
    assert set(found["auxdrive"]) == BASE
    reached, waiting = set[str](), ["auxdrive"]
    while waiting:
        name = waiting.pop()
        if name in found and name not in reached:
            reached.add(name)
            waiting += found[name]
    assert set(found) - reached <= {"pip", "setuptools", "wheel"}
    assert not set(ABSENT) & set(found)


def test_it_is_small(python: Path) -> None:
    code = (
        "from importlib import metadata; print(sum(f.locate().stat().st_size for d in "
        "metadata.distributions() if d.name not in ('pip', 'setuptools') for f in d.files if "
        "f.locate().is_file()))"
    )
    megabytes = int(run(python, "-I", "-c", code).stdout) / 1e6
    assert megabytes < LARGEST_MB


def test_it_works_alone(python: Path, steering_bundle: Path, tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from auxdrive import Observation, Predictor\n"
        "seen = Observation(np.zeros((24, 32, 3), np.uint8), time_s=0.0)\n"
        "print(Predictor.load(sys.argv[1]).predict(seen).steer_rad)"
    )
    done = run(python, "-W", "error", "-c", code, steering_bundle, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    float(done.stdout)
    refused = run(python.with_name("auxdrive"), "doctor", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [NO_COMMAND_LINE]


def test_its_commands_work(with_command_line: Path, steering_bundle: Path, tmp_path: Path) -> None:
    image = tmp_path / "frame.png"
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(image)
    command = with_command_line.with_name("auxdrive")
    for arguments in (
        ("predict", steering_bundle, image),
        ("verify", steering_bundle),
        ("inspect", steering_bundle),
        ("doctor",),
    ):
        done = run(command, *arguments, cwd=tmp_path)
        assert done.returncode == 0, f"{arguments[0]}: {done.stderr}"
    lacking = run(command, "train", "--data", tmp_path, "--method", "baseline", cwd=tmp_path)
    assert lacking.returncode == 2
    assert "auxdrive[train]" in lacking.stderr
    assert "Traceback" not in lacking.stderr


@pytest.mark.parametrize("name", ["train", "sdk", "deploy", "carla_eval", "tests", "benchmarks"])
def test_nothing_shadows_a_users_module(python: Path, tmp_path: Path, name: str) -> None:
    done = run(python, "-c", f"import {name}", cwd=tmp_path)
    assert done.returncode == 1
    assert f"No module named '{name}'" in done.stderr


def test_the_wheel_holds_the_four_packages_and_nothing_else(python: Path) -> None:
    where = Path(
        run(
            python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        ).stdout.strip()
    )
    (record,) = where.glob("auxdrive-*.dist-info/RECORD")
    with record.open(newline="") as file:
        tops = {row[0].split("/")[0] for row in csv.reader(file) if not row[0].startswith("..")}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    for package in PACKAGES:
        assert (where / package / "py.typed").exists()
