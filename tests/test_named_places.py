"""Modules, names and files that docstrings and the page of the architecture point at are there:
whoever moves something is told what still points at its old place.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOTS = {
    "auxdrive": "sdk",
    "auxdrive_train": "train",
    "auxdrive_deploy": "deploy",
    "auxdrive_eval": "carla_eval",
}
NAME = re.compile(r"`((?:auxdrive_(?:train|deploy|eval)|auxdrive\.\w+)(?:\.\w+)+)")
FILE = re.compile(r"`([\w./-]+\.py)`")


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def sources() -> list[Path]:
    return [path for root in ROOTS.values() for path in sorted((ROOT / root).rglob("*.py"))]


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something that stands in one."""
    first, *rest = name.split(".")
    place = ROOT / ROOTS[first] / first
    while rest and (place / rest[0]).is_dir():
        place /= rest.pop(0)
    if rest and (place / f"{rest[0]}.py").is_file():
        place /= f"{rest.pop(0)}.py"
    else:
        place /= "__init__.py"
    return not rest or re.search(rf"\b{rest[0]}\b", text_of(place)) is not None


def test_names_in_docstrings() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources()
        for name in NAME.findall(text_of(path))
        if not is_there(name)
    ]
    assert wrong == []


def test_files_in_the_architecture() -> None:
    """Whole paths from their package on; others by their end."""
    files = [path.relative_to(ROOT).as_posix() for path in sources()]
    files += [
        path.relative_to(ROOT).as_posix()
        for folder in ("tests", "benchmarks", "docs", "examples")
        for path in (ROOT / folder).rglob("*.py")
    ]
    wrong = []
    for named in FILE.findall(text_of(ROOT / "docs" / "architecture.md")):
        first = named.partition("/")[0]
        whole = f"{ROOTS[first]}/{named}" if first in ROOTS else None
        if not any(file == whole if whole else f"/{file}".endswith(f"/{named}") for file in files):
            wrong.append(named)
    assert wrong == []
