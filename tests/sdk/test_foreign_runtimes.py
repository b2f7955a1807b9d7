"""Runtimes of other people's packages: known to the predictor, the commands and `doctor` by their
entry point alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from auxdrive.bundles import Bundle
from auxdrive.errors import ConfigError, RuntimeUnavailable, UsageError
from auxdrive.predictor import Predictor
from auxdrive.runtimes import RUNTIMES, RuntimeSpec, open_session
from auxdrive.runtimes.onnx_runtime import OnnxRuntimeOptions
from auxdrive.strict import Strict
from auxdrive.types import Observation
from constant_runtime import install_constant


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_constant(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return tmp_path


def auxdrive(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auxdrive", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


def test_the_predictor_runs_it_with_its_options(site: Path, steering_bundle: Path) -> None:
    camera = Bundle.open(steering_bundle).card.camera
    seen = Observation(np.zeros((camera.height, camera.width, 3), np.uint8), time_s=1.0)
    for options, number in ((None, 0.0), ({"number": 0.125}, 0.125)):
        with Predictor.load(
            steering_bundle, "constant_for_tests", "here", options=options
        ) as predictor:
            assert predictor.predict(seen).steer_rad == number
            assert predictor.providers == ("no graph: a constant, for tests",)
    with pytest.raises(ConfigError, match=r"'constant_for_tests': .*nmber.*Did you mean 'number'"):
        Predictor.load(steering_bundle, "constant_for_tests", "here", options={"nmber": 1})


def test_its_devices_and_name_are_what_the_table_says(site: Path, steering_bundle: Path) -> None:
    own = tuple(offer.name for offer in RUNTIMES.builtin)
    assert RUNTIMES.names() == (*own, "broken", "constant_for_tests")
    with pytest.raises(
        UsageError, match=r"'constant_for_tests': unknown device 'her'\. Did you mean 'here'"
    ):
        Predictor.load(steering_bundle, "constant_for_tests", "her")
    with pytest.raises(UsageError, match="Did you mean 'constant_for_tests'"):
        Predictor.load(steering_bundle, "constant_for_test")
    with pytest.raises(UsageError, match="'broken' of the package 'constants' cannot be loaded"):
        Predictor.load(steering_bundle, "broken")
    Predictor.load(steering_bundle).close()


def test_commands_know_it(site: Path, steering_bundle: Path, tmp_path: Path) -> None:
    told = " ".join(auxdrive("predict", "--help").stdout.replace("│", " ").split())
    assert "broken, constant_for_tests, or auto for the fastest" in told
    checked = auxdrive(
        "verify", steering_bundle, "--runtime", "constant_for_tests", "--device", "here", "--json"
    )
    assert checked.returncode == 1, checked.stderr  # zeros are not what the student predicts
    failed = [c["name"] for c in json.loads(checked.stdout)["checks"] if not c["passed"]]
    assert "parity" in failed


@pytest.mark.slow
def test_doctor_asks_it(site: Path) -> None:
    done = auxdrive("doctor", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    runs = {row["what"]: row["why_not"] for row in said["capabilities"]}
    assert runs["predict and verify with constant_for_tests on here"] is None
    assert runs["predict and verify with constant_for_tests on nowhere"] == "there is no such"
    assert "of the package 'constants' cannot be loaded" in runs["predict and verify with broken"]
    assert runs["predict and verify with onnxruntime on cpu"] is None
    (numpy,) = (package for package in said["packages"] if package["name"] == "numpy")
    assert numpy["facts"] == {"version": np.__version__}  # what it is asked as numpy


def lacking(extra: str) -> RuntimeSpec:
    def absent(*_: object) -> object:
        raise ModuleNotFoundError("No module named 'fast_engine'")

    return RuntimeSpec("lacking", absent, ("cpu",), "fast_engine", extra, dict, Strict)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [("", "pip install fast_engine"), ("gpu", r"pip install 'auxdrive\[gpu\]'")],
)
def test_a_runtime_without_its_package_says_what_to_install(extra: str, wanted: str) -> None:
    RUNTIMES.add("lacking", lacking(extra))
    try:
        with pytest.raises(RuntimeUnavailable, match=f"needs fast_engine, .*{wanted}"):
            open_session("lacking", b"", [], [])
    finally:
        RUNTIMES.remove("lacking")


def test_options_of_onnx_runtime(steering_bundle: Path) -> None:
    camera = Bundle.open(steering_bundle).card.camera
    image = np.random.default_rng(0).integers(
        0, 256, (camera.height, camera.width, 3), dtype=np.uint8
    )
    predicted = []
    for options in (None, {"spinning": False}, OnnxRuntimeOptions(spinning=False)):
        with Predictor.load(steering_bundle, options=options) as predictor:
            predicted.append(predictor.predict(Observation(image, time_s=1.0)).steer_rad)
    assert len(set(predicted)) == 1
    for wrong, told in ({"spining": True}, "Did you mean 'spinning'"), ({"spinning": 1}, "bool"):
        with pytest.raises(ConfigError, match=told):
            Predictor.load(steering_bundle, options=wrong)
