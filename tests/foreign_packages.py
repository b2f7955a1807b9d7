"""Other people's packages, on disk as pip leaves them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from auxdrive import registry


def install_package(
    site: Path, package: str, group: str, points: Mapping[str, str], source: str
) -> Path:
    """Put a distribution with entry points into a folder that is, or will be, on the path.

    Args:
        site: the folder, as `site-packages`.
        package: its name.
        group: the group of its entry points ("auxdrive.methods").
        points: what each name stands for, "module:attribute".
        source: the text of its module, `<package>_module`.

    Returns:
        The folder of its metadata.
    """
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
    (site / f"{package}_module.py").write_text(source)
    importlib.invalidate_caches()
    registry._installed.cache_clear()  # a process asks the packages of a path once
    return info
