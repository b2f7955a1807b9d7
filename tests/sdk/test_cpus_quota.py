"""CPU quotas of containers, on control groups of both versions written as Linux shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from auxdrive.machine import cpus
from auxdrive.machine.cpus import cpu_quota, usable_cpus


class Proc:
    """A process's folder under /proc, with control groups mounted in a folder beside it."""

    def __init__(self, root: Path) -> None:
        self.folder, self.mounted = root / "proc", root / "cg roup"
        self.folder.mkdir()
        self.mounted.mkdir()
        (self.folder / "mountinfo").write_text(
            "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        )

    def mount(self, line: str) -> None:
        with (self.folder / "mountinfo").open("a") as file:
            file.write(line.replace("AT", str(self.mounted).replace(" ", "\\040")) + "\n")

    def groups(self, *lines: str) -> None:
        (self.folder / "cgroup").write_text("".join(f"{line}\n" for line in lines))

    def write(self, name: str, text: str) -> None:
        (self.mounted / name).parent.mkdir(parents=True, exist_ok=True)
        (self.mounted / name).write_text(f"{text}\n")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


V2 = "30 22 0:26 / AT rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "30 22 0:26 / AT rw,nosuid - cgroup cgroup rw,cpu,cpuacct"


@pytest.mark.parametrize(
    ("files", "group", "wanted"),
    [
        ({"a/b/cpu.max": "150000 100000"}, "/a/b", 1.5),
        ({"a/b/cpu.max": "max 100000"}, "/a/b", None),
        (
            {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"},
            "/a/b",
            2.0,
        ),  # a limit further up holds as well
        ({"a/b/cpu.max": "300000 100000", "a/cpu.max": "50000 100000"}, "/a/b", 0.5),
        ({"cpu.max": "100000 50000"}, "/", 2.0),
        ({"cpu.max": "damaged"}, "/", None),
        ({"cpu.max": "100000 0"}, "/", None),
        ({}, "/a", None),
        ({"other/cpu.max": "100000 100000"}, "/a", None),
    ],
)
def test_version_2(proc: Proc, files: dict[str, str], group: str, wanted: float | None) -> None:
    proc.mount(V2)
    proc.groups(f"0::{group}")
    for name, text in files.items():
        proc.write(name, text)
    assert cpu_quota(proc.folder) == wanted


@pytest.mark.parametrize(
    ("root", "group", "where", "quota", "wanted"),
    [
        ("/", "/a", "a", "150000", 1.5),
        ("/", "/a", "a", "-1", None),
        (
            "/docker/1f",
            "/docker/1f",
            ".",
            "250000",
            2.5,
        ),  # the container's group is what is mounted
        ("/docker/1f", "/docker/1f/job", "job", "100000", 1.0),
        ("/", "/docker/1f", ".", "50000", 0.5),  # the host's path, which the container does not see
    ],
)
def test_version_1(
    proc: Proc, root: str, group: str, where: str, quota: str, wanted: float | None
) -> None:
    proc.mount(V1.replace("0:26 / AT", f"0:26 {root} AT"))
    proc.mount("31 22 0:27 / /nowhere rw - cgroup cgroup rw,memory")
    proc.groups("9:memory:/m", f"3:cpu,cpuacct:{group}", "1:name=systemd:/x:y")
    proc.write(f"{where}/cpu.cfs_quota_us", quota)
    proc.write(f"{where}/cpu.cfs_period_us", "100000")
    assert cpu_quota(proc.folder) == wanted


def test_both_versions_side_by_side(proc: Proc) -> None:
    proc.mount(V1)
    proc.mount(V2.replace("AT", "/nowhere"))
    proc.groups("3:cpu,cpuacct:/a", "0::/b")
    proc.write("a/cpu.cfs_quota_us", "300000")
    proc.write("a/cpu.cfs_period_us", "100000")
    assert cpu_quota(proc.folder) == 3.0


def test_where_there_is_no_proc(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("quota", "affine", "wanted"),
    [(None, 8, 8), (2.0, 8, 2), (2.9, 8, 2), (0.5, 8, 1), (1.5, 8, 1), (64.0, 8, 8), (2.0, 1, 1)],
)
def test_usable_cpus(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, affine: int, wanted: int
) -> None:
    monkeypatch.setattr(cpus, "cpu_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(affine)), raising=False)
    assert usable_cpus() == wanted


def test_of_this_process() -> None:
    assert usable_cpus() >= 1
