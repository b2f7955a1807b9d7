"""Readers of foreign recordings, and the builder that turns what they read into a data set.

A reader is a function `(path, SourceOptions) -> Source`; `FORMATS` is the table from which the
command line and its help derive. Importing it must stay cheap (no torch, no Pillow): every
`auxdrive --help` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from auxdrive_train.ingest.donkey import read_donkey
from auxdrive_train.ingest.source import Source, SourceOptions
from auxdrive_train.ingest.udacity import read_udacity

FORMATS: dict[str, Callable[[Path, SourceOptions], Source]] = {
    "donkey": read_donkey,
    "udacity": read_udacity,
}
