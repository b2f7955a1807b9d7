"""Sweeps: many runs of methods, seeds and settings, in one folder. That a folder is one is known
without an import of what reads it.
"""

from __future__ import annotations

from pathlib import Path

from auxdrive.storage.reading import is_file

SWEEP_NAME = "sweep.yaml"
"""The file that says what a sweep trains."""


def is_sweep(path: Path) -> bool:
    """Whether a sweep was begun in the folder."""
    return is_file(path / SWEEP_NAME)
