"""The kinds of folders that `auxdrive inspect` can show: data sets, bundles, runs, and those that
other packages add.
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
        # Runs come before data sets, since a run holds a copy of its data set's card.
        "bundle": "auxdrive.commands.inspecting.bundles:BUNDLE",
        "run": "auxdrive.commands.inspecting.runs:RUN",
        "dataset": "auxdrive.commands.inspecting.datasets:DATASET",
    },
    check=instance_of("auxdrive.inspection.base:Inspection"),
)
"""The kinds of folders, by name. Sweeps come from `auxdrive_train`, drives and their routes from
`auxdrive_eval`, by entry points in pyproject.toml.
"""
