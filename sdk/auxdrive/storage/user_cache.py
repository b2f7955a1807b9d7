"""The user's cache folder: for what can be made again but takes long, and is lost without harm."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from auxdrive.errors import DataError
from auxdrive.storage.reading import reason

VARIABLE = "AUXDRIVE_CACHE"
"""The environment variable that names another folder."""


def user_cache(kind: str) -> Path:
    """The folder for one kind of content, made where it is missing.

    Nobody but the user may write there: what lies in a cache is trusted, and other users could put
    their own content in its place.

    Args:
        kind: of what is kept, such as "engines".

    Raises:
        DataError: it cannot be made, or another user owns it or may write into it.
    """
    folder = _base() / kind
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise DataError(
            f"{folder}: the cache folder cannot be made ({reason(error)}); name another in the "
            f"environment variable {VARIABLE}"
        ) from error
    if hasattr(os, "getuid") and (
        found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        raise DataError(
            f"{folder}: another user owns it or may write into it, and could put other content "
            f"there; make it yours alone (chmod 700), or name another in {VARIABLE}"
        )
    return folder


def _base() -> Path:
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "auxdrive" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "auxdrive"
    # as freedesktop.org's basedir specification says, a relative path counts as none
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(chosen) if os.path.isabs(chosen) else Path.home() / ".cache") / "auxdrive"
