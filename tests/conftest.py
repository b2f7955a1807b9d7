"""Settings for all tests: no deadlines on a shared machine; in CI, or with
AUXDRIVE_SAME_EXAMPLES=1, hypothesis draws the same examples every time, elsewhere new ones
(AUXDRIVE_EXAMPLES says how many). Options of the menus of checks (`tests/checks`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "auxdrive",
    deadline=None,
    derandomize=bool(os.environ.get("CI") or os.environ.get("AUXDRIVE_SAME_EXAMPLES")),
    max_examples=int(os.environ.get("AUXDRIVE_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("auxdrive")

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package, and share `foreign_packages`


DEVICES = ("cpu", "cuda")
DTYPES = ("float32", "float64", "bfloat16")


def some_of(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """The type of an option that takes names separated by commas, or all."""

    def names(text: str) -> tuple[str, ...]:
        found = known if text == "all" else tuple(text.split(","))
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)}; choose from {', '.join(known)}, all"
            )
        return found

    return names


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the menus of `tests/checks` are run on and in."""
    group = parser.getgroup("auxdrive", "the checks that every row of a registry must pass")
    for option, known, default in (
        ("--device", DEVICES, "cpu"),
        ("--dtype", DTYPES, "float32,float64"),
    ):
        group.addoption(
            option,
            type=some_of(known),
            default=default,
            help=f"{', '.join(known)}, separated by commas, or all; {default} by default",
        )
