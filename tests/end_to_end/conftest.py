"""A Ray cluster for all tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ray_nodes import RayNodes


@pytest.fixture(scope="session")
def nodes() -> Iterator[RayNodes]:
    """A cluster whose head has one CPU; each test adds what it needs more."""
    pytest.importorskip("ray", reason="needs the extra 'distributed'")
    cluster = RayNodes(cpus=1)
    yield cluster
    cluster.close()
