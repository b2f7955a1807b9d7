"""Readers of foreign recordings, and the builder that turns what they read into a data set.

A reader is a function `(path, SourceOptions) -> Source`. The command `auxdrive ingest` and its help
take the formats from `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from auxdrive.registry import Registry

if TYPE_CHECKING:
    from auxdrive_train.ingest.source import Source, SourceOptions

Reader: TypeAlias = "Callable[[Path, SourceOptions], Source]"

READERS: Registry[Reader] = Registry(
    "format",
    "auxdrive.readers",
    {
        "donkey": "auxdrive_train.ingest.donkey:read_donkey",
        "udacity": "auxdrive_train.ingest.udacity:read_udacity",
    },
    check=callable,
)
