"""What the machine tells of its load, frequency, memory and energy, from real and made files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from auxdrive.machine.energy import PowercapMeter, between, meters, read_all
from auxdrive.machine.load import Ticks, frequency, others, peak_memory_mib, read_ticks


def test_what_others_did_between_two_readings(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  100 20 30 900 5 1 2 40 0 0\ncpu0 1 1 1 1\n")
    found = read_ticks(tmp_path)
    assert found is not None
    assert (found.busy_s, found.stolen_s) == (pytest.approx(1.53), pytest.approx(0.4))
    begin, end = Ticks(10.0, 5.0, 1.0, 2.0), Ticks(12.0, 8.0, 1.5, 3.0)
    assert others(begin, end) == (1.0, 0.25)
    assert others(begin, Ticks(12.0, 5.5, None, 3.0)) == (0.0, None)
    assert others(None, end) == (None, None)
    assert others(begin, begin) == (None, None)
    assert read_ticks(tmp_path / "nothing") is None
    (tmp_path / "stat").write_text("nonsense")
    assert read_ticks(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="told by Linux")
def test_linux_tells_its_load_and_memory() -> None:
    begin = read_ticks()
    sum(range(10**6))
    end = read_ticks()
    assert begin is not None
    assert end is not None
    assert end.busy_s >= begin.busy_s
    assert end.own_s > begin.own_s
    before = peak_memory_mib()
    held = bytearray(64 << 20)
    held[::4096] = b"x" * len(held[::4096])
    assert peak_memory_mib() >= before
    assert peak_memory_mib() > 64


def test_how_the_frequency_is_set(tmp_path: Path) -> None:
    folder = tmp_path / "cpu0/cpufreq"
    folder.mkdir(parents=True)
    (folder / "scaling_governor").write_text("powersave\n")
    assert frequency(tmp_path) == {"governor": "powersave"}
    assert frequency(tmp_path / "nothing") == {}


def package(folder: Path, number: int, energy_uj: int) -> Path:
    made = folder / f"intel-rapl:{number}"
    made.mkdir(parents=True, exist_ok=True)
    (made / "name").write_text(f"package-{number}\n")
    (made / "energy_uj").write_text(f"{energy_uj}\n")
    (made / "max_energy_range_uj").write_text("1000000000\n")
    return made


def test_energy_of_processors_and_a_counter_that_begins_anew(tmp_path: Path) -> None:
    package(tmp_path, 0, 5_000_000)
    package(tmp_path, 1, 999_000_000)
    (tmp_path / "intel-rapl:0:0").mkdir()  # a part of package 0
    found, why_not = meters(tmp_path, "no-such-library.so")
    assert [meter.name for meter in found] == ["package-0", "package-1"]
    assert why_not == ["there is no driver of NVIDIA"]
    begin = read_all(found)
    package(tmp_path, 0, 7_500_000)
    package(tmp_path, 1, 3_000_000)
    used = between(begin, read_all(found))
    assert used == {"package-0": pytest.approx(2.5), "package-1": pytest.approx(4.0)}


def test_meters_that_cannot_be_read_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert meters(tmp_path / "nothing", "no-such-library.so")[0] == []
    assert "shows no meter" in meters(tmp_path, "no-such-library.so")[1][0]
    (package(tmp_path, 0, 1) / "name").unlink()
    assert "intel-rapl:0 cannot be read" in meters(tmp_path, "no-such-library.so")[1][0]
    package(tmp_path, 0, 1)

    def refused(folder: Path) -> PowercapMeter:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("auxdrive.machine.energy.PowercapMeter", refused)
    assert "its owner alone, mostly root" in meters(tmp_path, "no-such-library.so")[1][0]
