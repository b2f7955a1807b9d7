"""The C++ example, built against the ONNX Runtime of this environment, predicts what the predictor
does, to the last digit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from auxdrive import Observation, Predictor
from example_programs import EXAMPLES

SOURCE = EXAMPLES / "cpp" / "predict.cpp"
VARIABLE = "ONNXRUNTIME_INCLUDE"


def include() -> Path:
    """The folder of ONNX Runtime's header; the test is skipped where there is none."""
    given = os.environ.get(VARIABLE, "")
    for folder in (Path(given), Path("/usr/include/onnxruntime")):
        if folder.is_absolute() and (folder / "onnxruntime_c_api.h").is_file():
            return folder
    pytest.skip(f"onnxruntime_c_api.h, which the Python package lacks, is not in ${VARIABLE}")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    headers, compiler = include(), shutil.which("g++")
    spec = find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    libraries = sorted((Path(spec.origin).parent / "capi").glob("libonnxruntime.so.*"))
    if compiler is None or not libraries:
        pytest.skip("needs g++, and ONNX Runtime's library for Linux")
    folder = tmp_path_factory.mktemp("cpp")
    (folder / "libonnxruntime.so.1").symlink_to(libraries[0])  # its own name, which is looked for
    built = subprocess.run(
        [
            compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", SOURCE, "-I", headers,
            folder / "libonnxruntime.so.1", f"-Wl,-rpath,{folder}", "-o", folder / "predict",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder / "predict"


def test_the_source_is_short() -> None:
    lines = SOURCE.read_text().splitlines()
    assert len(lines) < 125
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("task", ["steering", "waypoint"])
def test_it_agrees_with_the_predictor_to_the_last_digit(
    program: Path, task: str, request: pytest.FixtureRequest
) -> None:
    bundle: Path = request.getfixturevalue(f"{task}_bundle")
    done = subprocess.run([program, bundle], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = np.array([line.split() for line in done.stdout.splitlines()], np.float32)
    images = np.load(bundle / "reference" / "images.npy")
    ego = np.load(bundle / "reference" / "ego.npy")
    with Predictor.load(bundle) as predictor:
        outputs = []
        for image, row in zip(images, ego, strict=True):
            speed, target = (row[0], tuple(row[1:])) if len(row) else (None, None)
            outputs.append(predictor.raw_output(Observation(image, 0.0, speed, target)).ravel())
    assert np.ptp(printed, axis=0).min() > 0  # frame by frame another one
    np.testing.assert_array_equal(printed, np.stack(outputs))


def test_it_says_what_is_wrong(program: Path, steering_bundle: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(steering_bundle, tmp_path / "bundle")
    for damage, told in (
        (lambda: (bundle / "model.onnx").write_bytes(b"no graph"), "model.onnx"),
        (lambda: np.save(bundle / "reference" / "images.npy", np.zeros(3)), "not rows of |u1"),
        (lambda: (bundle / "reference" / "images.npy").unlink(), "cannot be read as a .npy"),
    ):
        damage()
        done = subprocess.run([program, bundle], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert told in done.stderr


def test_it_leaves_no_telemetry(program: Path, steering_bundle: Path, tmp_path: Path) -> None:
    silent = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")
    env = {name: value for name, value in os.environ.items() if name not in silent}
    subprocess.run(
        [program, steering_bundle], check=True, capture_output=True,
        env={**env, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
