"""Listing and reading the files of a bundle's directory. Links are not followed, and special files
(devices, pipes) are not opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from auxdrive.bundles import layout
from auxdrive.bundles.transport import LINK_CURE, change_cause, pointer_cause
from auxdrive.errors import BundleError
from auxdrive.storage.reading import read_bytes

AGAIN = "Copy or export the bundle again"


@dataclass(slots=True)
class Listing:
    """The files under a directory.

    Attributes:
        sizes: of the files in bytes, by their relative paths.
        passed_over: files and folders that are no part of a bundle. They are never opened.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)


def list_files(root: Path) -> Listing:
    """Every file under a directory.

    Raises:
        BundleError: there is a link or a special file, there are too many files or too deep
            folders, or one cannot be read.
    """
    listing = Listing()
    _walk(root, PurePosixPath(), 0, listing)
    return listing


def _walk(root: Path, folder: PurePosixPath, depth: int, listing: Listing) -> None:
    if depth > layout.MAX_DEPTH:
        raise BundleError(
            f"{root / folder}: folders nested deeper than {layout.MAX_DEPTH}; no bundle of "
            "auxdrive is"
        )
    count = 0
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                count += 1
                if count > layout.MAX_FILES:
                    raise BundleError(
                        f"{root / folder}: more than {layout.MAX_FILES} files; no bundle of "
                        "auxdrive has as many"
                    )
                _enter(root, folder, entry, depth, listing)
    except OSError as error:
        raise BundleError(
            f"{root / folder}: cannot be listed ({error.strerror}). Give the folder to the user "
            "that runs this"
        ) from None


def _enter(
    root: Path, folder: PurePosixPath, entry: os.DirEntry[str], depth: int, listing: Listing
) -> None:
    name = str(folder / entry.name)
    if layout.is_passed_over(name):
        listing.passed_over.append(name)
    elif entry.is_symlink():
        raise BundleError(f"{entry.path}: {LINK_CURE}")
    elif entry.is_dir(follow_symlinks=False):
        _walk(root, folder / entry.name, depth + 1, listing)
    elif entry.is_file(follow_symlinks=False):
        listing.sizes[name] = entry.stat(follow_symlinks=False).st_size
    else:
        raise BundleError(f"{entry.path}: neither a file nor a folder; remove it")


def read_file(root: Path, name: str, limit: int) -> bytes:
    """The content of a regular file.

    Args:
        root: the bundle's directory.
        name: the file's path within it.
        limit: the largest size in bytes.

    Raises:
        BundleError: it is a link, no regular file, larger than the limit, not readable, or only a
            pointer of Git LFS.
    """
    path = root / name
    if path.is_symlink():
        raise BundleError(f"{path}: {LINK_CURE}")
    data = read_bytes(path, limit, BundleError, follow=False)
    if (cause := pointer_cause(data)) is not None:
        raise BundleError(f"{path}: {cause}")
    return data


def read_named(root: Path, name: str, expected_sha256: str) -> bytes:
    """The content of a file that the card names, if its SHA-256 is the card's.

    Args:
        root: the bundle's directory.
        name: the file's path within it.
        expected_sha256: that the card gives.

    Raises:
        BundleError: as `read_file`, or the content has changed; the message says how where that can
            be seen.
    """
    data = read_file(root, name, layout.MAX_FILE_BYTES)
    if sha256(data) != expected_sha256:
        changed = f"its SHA-256 is not the one in {layout.CARD_NAME}: the file was changed. {AGAIN}"
        raise BundleError(f"{root / name}: {change_cause(data, expected_sha256) or changed}")
    return data


def sha256(data: bytes) -> str:
    """The SHA-256 of some bytes in lower-case hexadecimal digits, as cards hold it."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_files(root: str | os.PathLike[str]) -> dict[str, str]:
    """The `files` of a card that is about to be written: the SHA-256 of every file under a
    directory except card.json, by relative path.

    Raises:
        BundleError: there is a link or a special file, or there are too many or too large files.
    """
    base = Path(root)
    names = sorted(name for name in list_files(base).sizes if name != layout.CARD_NAME)
    return {name: sha256(read_file(base, name, layout.MAX_FILE_BYTES)) for name in names}


def some(names: Iterable[str]) -> str:
    """The first five of many names, and how many more there are, for a message."""
    listed = list(names)
    return ", ".join(f"'{name}'" for name in listed[:5]) + (
        f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    )
