"""Menus of checks: what every method, loss, task, runtime, controller, backbone and simulator must
pass. Names come from the registries, so that a new one is covered by its row, and so is what an
installed package adds by its entry points.

    pytest tests/checks --device cuda --dtype bfloat16
"""

from __future__ import annotations

import sys
from pathlib import Path

import auxdrive_train  # noqa: F401  # before torch, whose threads it sets up
import pytest
import torch
from auxdrive.tasks import TASKS
from auxdrive.tasks.base import TaskSpec
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("checks", "train", "sdk", "carla_eval")]

from driven_controllers import Predictions, takes  # noqa: E402  # tests are no package
from driven_tasks import CARD  # noqa: E402

# How the engine trains in a type; it never trains in float64.
PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}


def parameter(name: str, value: object, why_not: str = "") -> object:
    """One value of a fixture, skipped where it cannot be had."""
    marks = [pytest.mark.skip(reason=why_not)] if why_not else []
    return pytest.param(value, id=name, marks=marks)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What `--device` and `--dtype` ask for, for the tests that take `device`, `dtype` or
    `precision`.
    """
    devices, dtypes = (metafunc.config.getoption(option) for option in ("--device", "--dtype"))
    if "device" in metafunc.fixturenames:
        no_cuda = "" if torch.cuda.is_available() else "torch sees no CUDA device"
        found = [parameter(name, name, no_cuda if name == "cuda" else "") for name in devices]
        metafunc.parametrize("device", found, scope="session")
    if "dtype" in metafunc.fixturenames:
        metafunc.parametrize("dtype", [parameter(name, getattr(torch, name)) for name in dtypes])
    if "precision" in metafunc.fixturenames:
        found = [parameter(name, PRECISIONS[name]) for name in dtypes if name in PRECISIONS]
        none = parameter("none", "", f"the engine trains in {' and '.join(PRECISIONS)} alone")
        metafunc.parametrize("precision", found or [none], scope="session")


@pytest.fixture
def predictions(name: str) -> Predictions:
    """What the controller of that name drives by."""
    return Predictions(next(takes(name)))


@pytest.fixture
def task(name: str) -> Task:
    """The training half of the task of that name, for a data set."""
    return make_task(name, CARD)


@pytest.fixture
def spec(name: str) -> TaskSpec:
    """The vehicle's half of the task of that name."""
    return TASKS[name]
