"""The small data set of `stripes`, and its writer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package, and share `recordings`

from stripes import write_episode, write_stripe_data


@pytest.fixture(scope="session")
def stripe_writer() -> Callable[..., None]:
    """`write_episode`, for tests that make data sets of their own."""
    return write_episode


@pytest.fixture(scope="session")
def stripe_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `write_stripe_data`."""
    return write_stripe_data(tmp_path_factory.mktemp("stripe"))
