"""The megabytes of the base install: the files that pip recorded for auxdrive's dependencies and
theirs, with auxdrive's own.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path


def base_install_mb() -> dict[str, float]:
    """Megabytes (1e6 bytes) of the base install: in all, and of each distribution."""
    import auxdrive

    own, known = Path(auxdrive.__file__).parents[2], dict[str, int]()
    # of the checkout, since what pip recorded at its installation may be older
    required = tomllib.loads((own / "pyproject.toml").read_text())["project"]["dependencies"]
    found = {name: size / 1e6 for each in required for name, size in _sizes(_name_in(each), known)}
    folders = [own / "sdk", own / "train", own / "deploy", own / "carla_eval"]
    found["auxdrive"] = (
        sum(
            file.stat().st_size
            for folder in folders
            for file in folder.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        )
        / 1e6
    )
    return {"all": round(sum(found.values()), 1), **{n: round(mb, 1) for n, mb in found.items()}}


def _sizes(name: str, known: dict[str, int]) -> Iterator[tuple[str, int]]:
    """A distribution and those that it requires without extras, each once, with its bytes."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in known:
        return
    known[key] = 0
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:  # for another system, or not needed with this Python
        return
    files = [Path(str(file.locate())) for file in distribution.files or ()]
    yield key, sum(os.path.getsize(file) for file in files if file.is_file())
    for line in distribution.requires or ():
        if "extra ==" not in line:
            yield from _sizes(_name_in(line), known)


def _name_in(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
