"""How many CPUs this process may use, by its affinity and by the quota of the container that it
runs in.

A container that may use half a CPU of a machine with 64 sees all 64. A process that starts 64
threads there is stopped by the kernel most of the time. Linux keeps the quota in control groups, of
version 2 (`cpu.max`) or 1 (`cpu.cfs_quota_us`), in the process's group or in any group above it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

SELF = Path("/proc/self")


def usable_cpus() -> int:
    """How many CPUs this process can keep busy, at least 1: as many as its affinity allows, but no
    more than the quota, rounded down.
    """
    affine = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = cpu_quota()
    return affine if quota is None else max(1, min(affine, math.floor(quota)))


def cpu_quota(process: Path = SELF) -> float | None:
    """How many CPUs the control groups of a process allow, which may be a fraction; None where no
    group sets a limit.

    Args:
        process: the process's folder under /proc.
    """
    try:
        mounts = (process / "mountinfo").read_text(errors="replace").splitlines()
        groups = (process / "cgroup").read_text(errors="replace").splitlines()
    except OSError:  # not Linux, or /proc is hidden
        return None
    quotas = [
        quota for folder, read in _folders(mounts, groups) if (quota := read(folder)) is not None
    ]
    return min(quotas, default=None)


def _folders(
    mounts: list[str], groups: list[str]
) -> Iterator[tuple[Path, Callable[[Path], float | None]]]:
    """Every folder that may hold a quota for the process, from its own group up to the mounted
    root, each with the function that reads the quota.

    Args:
        mounts: the lines of the process's `mountinfo`.
        groups: the lines of its `cgroup`.
    """
    paths: dict[str, str] = {}  # controller ("" in version 2) -> the group
    for line in groups:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        paths.update(dict.fromkeys(controllers.split(",") if number != "0" else [""], path))
    for line in mounts:
        here, _, there = line.partition(" - ")
        fields, kind = here.split(" "), there.split(" ")
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        controller = "" if kind[0] == "cgroup2" else "cpu"
        if controller not in paths or (controller and controller not in kind[2].split(",")):
            continue
        top = Path(_unescaped(fields[4]))
        inside = _below(paths[controller], _unescaped(fields[3]))
        read = _quota_2 if kind[0] == "cgroup2" else _quota_1
        for level in (inside, *inside.parents):
            yield top / level, read


def _below(group: str, root: str) -> PurePosixPath:
    """A group's path relative to the mounted group. In containers a group may not lie below it; the
    path is then empty, for the mounted group itself.
    """
    try:
        return PurePosixPath(group).relative_to(root)
    except ValueError:
        return PurePosixPath()


def _quota_2(folder: Path) -> float | None:
    return _share(_words(folder / "cpu.max"))


def _quota_1(folder: Path) -> float | None:
    return _share(_words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us"))


def _share(words: list[str]) -> float | None:
    """Quota divided by period; None for 'max', for -1, and for anything but two numbers."""
    try:
        quota, period = (int(word) for word in words)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").split()
    except OSError:  # the root group has no such file
        return []


def _unescaped(field: str) -> str:
    """A path in mountinfo, in which blanks and the like are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
