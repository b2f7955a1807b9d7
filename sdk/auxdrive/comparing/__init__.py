"""Comparing results: groups over seeds, paired differences, intervals. `auxdrive compare` takes its
kinds of folders from `COMPARABLES`, to which each package adds its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, instance_of

if TYPE_CHECKING:
    from auxdrive.comparing.base import Comparable

__all__ = ["COMPARABLES"]

COMPARABLES: Registry[Comparable] = Registry(
    "kind of results",
    "auxdrive.comparables",
    {},
    check=instance_of("auxdrive.comparing.base:Comparable"),
)
"""The kinds of folders with results, by name. Runs and sweeps come from `auxdrive_train`, drives
from `auxdrive_eval`, by entry points in pyproject.toml.
"""
