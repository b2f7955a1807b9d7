"""The programs of examples/ can be imported and run, on small bundles."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / folder)
    for folder in ("tests/examples", "tests/sdk", "examples", "examples/ros2")  # no packages
]

import bundle_factory  # noqa: E402


@pytest.fixture(scope="session")
def steering_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(tmp_path_factory.mktemp("bundles") / "steering")


@pytest.fixture(scope="session")
def waypoint_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "waypoints"
    return bundle_factory.write_bundle(folder, "waypoints", straight_ahead())


def straight_ahead() -> onnx.ModelProto:
    """A waypoint model that wants 6 m/s, whatever it sees, by a path that differs a little
    from image to image.
    """
    path = np.array([[3.0 * step, 0.0] for step in range(1, len(bundle_factory.TIMES_S) + 1)])
    graph = bundle_factory.model(1, "waypoints", path.ravel())
    for stored in graph.graph.initializer:
        if stored.name == "linear":
            small = np.float32(1e-2) * onnx.numpy_helper.to_array(stored)
            stored.CopyFrom(onnx.numpy_helper.from_array(small, "linear"))
    return graph
