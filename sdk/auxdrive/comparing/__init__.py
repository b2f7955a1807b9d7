"""Results held against each other: groups over seeds, paired differences, intervals. The table is
what `auxdrive compare` asks; each package brings the kinds of folders that are its own.
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
"""Runs and sweeps are training's, drives the evaluation's; they stand among the entry points in
pyproject.toml.
"""
