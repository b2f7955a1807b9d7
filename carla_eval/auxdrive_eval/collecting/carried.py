"""Episodes that were recorded on another machine: they come to the data set as the bytes of their
files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auxdrive.storage.publish import partial_of, published_folder, write_new
from auxdrive.storage.reading import make_folder, refusals


def read_episode(folder: Path) -> dict[str, bytes]:
    """The files of a complete episode, by their names.

    Args:
        folder: the episode's.
    """
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_episode(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put an episode in its place, as a whole. An earlier one of its name is replaced.

    Args:
        folder: the episode's.
        files: as `read_episode` gives them.

    Raises:
        DataError: the disk cannot be written.
    """
    make_folder(folder.parent)
    with (
        refusals(folder, "cannot be written"),
        published_folder(folder, partial_of(folder), replace=True),
    ):
        for name, data in files.items():
            write_new(partial_of(folder) / name, data)
