"""What else this machine does while something is measured, how fast its processors are set to run,
and the memory of this process. What a system does not tell is None.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CPUS = Path("/sys/devices/system/cpu")
_BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq: the columns of /proc/stat
_STEAL = 7


@dataclass(frozen=True, slots=True)
class Ticks:
    """The processors' time since the machine started, in seconds of one processor.

    Attributes:
        at_s: when it was read, on the monotonic clock.
        busy_s: that all processes have used.
        stolen_s: that the host of a virtual machine gave to others; None where it is not told.
        own_s: that this process and its children that have ended have used.
    """

    at_s: float
    busy_s: float
    stolen_s: float | None
    own_s: float


def read_ticks(proc: Path = PROC) -> Ticks | None:
    """The processors' time so far; None where the system does not tell, as outside of Linux.

    Args:
        proc: where the system tells it.
    """
    try:
        words = (proc / "stat").read_text().split("\n", 1)[0].split()[1:]
        columns = [int(word) / os.sysconf("SC_CLK_TCK") for word in words]
        busy_s = sum(columns[column] for column in _BUSY)
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    stolen_s = columns[_STEAL] if len(columns) > _STEAL else None
    return Ticks(time.monotonic(), busy_s, stolen_s, sum(os.times()[:4]))


def others(earlier: Ticks | None, later: Ticks | None) -> tuple[float | None, float | None]:
    """How many processors others have kept busy between two readings, and how many were stolen;
    None for what is not known.

    Args:
        earlier: the first reading.
        later: the second one.
    """
    if earlier is None or later is None or not later.at_s > earlier.at_s:
        return None, None
    passed_s = later.at_s - earlier.at_s
    busy = (later.busy_s - earlier.busy_s) - (later.own_s - earlier.own_s)
    if earlier.stolen_s is None or later.stolen_s is None:
        return max(busy / passed_s, 0.0), None
    return max(busy / passed_s, 0.0), max((later.stolen_s - earlier.stolen_s) / passed_s, 0.0)


def load_average() -> float | None:
    """How many processes have wanted a processor in the last minute, on average."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def frequency(cpus: Path = CPUS) -> dict[str, str]:
    """How the processors' frequency is set: governor, limits, whether they may run faster for a
    while. Empty where the system does not tell, as in most virtual machines.

    Args:
        cpus: where the system tells it.
    """
    files = {
        "governor": "cpu0/cpufreq/scaling_governor",
        "driver": "cpu0/cpufreq/scaling_driver",
        "least_khz": "cpu0/cpufreq/scaling_min_freq",
        "most_khz": "cpu0/cpufreq/scaling_max_freq",
        "boost": "cpufreq/boost",
        "no_turbo": "intel_pstate/no_turbo",
        "isolated": "isolated",
    }
    found = {name: _text(cpus / file) for name, file in files.items()}
    return {name: text for name, text in found.items() if text}


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


def peak_memory_mib() -> float | None:
    """The most memory that this process has held since it began, resident, in MiB."""
    try:
        lines = (PROC / "self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return None
    # Linux counts what the parent held too, so this is only for systems without /proc
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def preemptions() -> int | None:
    """How often this process has had to leave a processor to others while it had work."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def pin(cpus: tuple[int, ...]) -> str:
    """Keep this process, and the threads that it starts from now on, on some processors.

    Args:
        cpus: their numbers.

    Returns:
        Why it cannot be; empty where it is done.
    """
    if not hasattr(os, "sched_setaffinity"):
        return "this system lets no process choose its processors"
    try:
        os.sched_setaffinity(0, cpus)
    except (OSError, ValueError, OverflowError) as error:
        return f"processors {', '.join(map(str, cpus))} cannot be had ({error})"
    return ""


def last_cpus(count: int) -> tuple[int, ...]:
    """The last processors that this process may use: the first ones serve most interrupts. Fewer
    than `count` where there are no more; none where the system does not tell.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0))[-count:])
