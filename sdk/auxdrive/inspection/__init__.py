"""What can be looked at: data sets, bundles, runs, and what other packages add. The table is what
`auxdrive inspect` asks, one file for each kind of folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, instance_of

if TYPE_CHECKING:
    from auxdrive.inspection.base import Inspection

__all__ = ["INSPECTIONS"]

INSPECTIONS: Registry[Inspection] = Registry(
    "kind of folder",
    "auxdrive.inspections",
    {
        # A run keeps a copy of its data set's card, so that it is asked first.
        "bundle": "auxdrive.commands.inspecting.bundles:BUNDLE",
        "run": "auxdrive.commands.inspecting.runs:RUN",
        "dataset": "auxdrive.commands.inspecting.datasets:DATASET",
    },
    check=instance_of("auxdrive.inspection.base:Inspection"),
)
"""Drives and their routes are the evaluation's, and stand among the entry points in
pyproject.toml.
"""
