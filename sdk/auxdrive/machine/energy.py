"""Meters of energy: of processors by Linux's powercap (Intel's RAPL, which AMD's have too), and of
NVIDIA's GPUs by the driver's own library. No package is needed.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from auxdrive.storage.reading import reason

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"
_PACKAGE = re.compile(r"intel-rapl:\d+")


class Meter(Protocol):
    """Counts the energy that a part of the machine uses, whatever uses it."""

    @property
    def name(self) -> str:
        """What it measures: "package-0", "GPU 0"."""

    def joules(self) -> float:
        """The energy so far, since some moment. It never falls."""


class PowercapMeter:
    """A package of processors, with everything on it.

    Args:
        folder: of the package under /sys/class/powercap.

    Raises:
        OSError: it may not be read.
        ValueError: it tells no number.
    """

    def __init__(self, folder: Path) -> None:
        self.name = (folder / "name").read_text().strip()
        self._file = folder / "energy_uj"
        self._range_uj = int((folder / "max_energy_range_uj").read_text())
        self._last_uj, self._turns = int(self._file.read_text()), 0

    def joules(self) -> float:
        """The energy so far. The counter begins anew after some minutes; it is to be read more
        often than that.
        """
        now_uj = int(self._file.read_text())
        self._turns += now_uj < self._last_uj
        self._last_uj = now_uj
        return (now_uj + self._turns * self._range_uj) / 1e6


class NvmlMeter:
    """A GPU.

    Args:
        library: NVML, initialised.
        index: of the GPU.

    Raises:
        OSError: the GPU does not count its energy.
    """

    def __init__(self, library: Any, index: int) -> None:
        self.name = f"GPU {index}"
        self._library, self._gpu = library, ctypes.c_void_p()
        _checked(library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(self._gpu)))
        self.joules()

    def joules(self) -> float:
        """The energy since the driver was loaded."""
        found = ctypes.c_ulonglong()
        call = self._library.nvmlDeviceGetTotalEnergyConsumption
        _checked(call(self._gpu, ctypes.byref(found)))
        return found.value / 1e3


def meters(powercap: Path = POWERCAP, nvml: str = NVML) -> tuple[list[Meter], list[str]]:
    """The meters of this machine, and why others cannot be read.

    Args:
        powercap: the folder in which Linux shows its meters.
        nvml: the library of NVIDIA's driver.
    """
    found, why_not = _of_processors(powercap)
    gpus, why_no_gpu = _of_gpus(nvml)
    return [*found, *gpus], [*why_not, *why_no_gpu]


def _of_processors(powercap: Path) -> tuple[list[Meter], list[str]]:
    try:
        folders = sorted(f for f in powercap.iterdir() if _PACKAGE.fullmatch(f.name))
    except OSError:
        folders = []
    if not folders:
        return [], ["this machine shows no meter of its processors (powercap; few virtual ones do)"]
    found: list[Meter] = []
    why_not = []
    for folder in folders:
        try:
            found.append(PowercapMeter(folder))
        except PermissionError:
            why_not.append(f"{folder / 'energy_uj'} may be read by its owner alone, mostly root")
        except (OSError, ValueError) as error:
            why_not.append(f"{folder} cannot be read ({reason(error)})")
    return found, why_not


def _of_gpus(nvml: str) -> tuple[list[Meter], list[str]]:
    try:
        library = ctypes.CDLL(nvml)
        _checked(library.nvmlInit_v2())
        count = ctypes.c_uint()
        _checked(library.nvmlDeviceGetCount_v2(ctypes.byref(count)))
    except (OSError, AttributeError):
        return [], ["there is no driver of NVIDIA"]
    found: list[Meter] = []
    why_not = []
    for index in range(count.value):
        try:
            found.append(NvmlMeter(library, index))
        except (OSError, AttributeError) as error:
            why_not.append(f"GPU {index} does not count its energy ({reason(error)})")
    return found, why_not


def _checked(code: int) -> None:
    if code != 0:
        raise OSError(f"NVML answers {code}")


def read_all(found: list[Meter]) -> dict[str, float]:
    """The joules of each meter so far, by its name."""
    return {meter.name: meter.joules() for meter in found}


def between(earlier: Mapping[str, float], later: Mapping[str, float]) -> dict[str, float]:
    """The joules of each meter between two readings.

    Args:
        earlier: the first reading.
        later: the second one.
    """
    return {name: later[name] - earlier[name] for name in earlier}
