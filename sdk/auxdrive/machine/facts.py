"""What `auxdrive doctor` reports of the machine: Python, processor, memory, and the packages and
whether each of them can be imported.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from auxdrive.machine.cpus import cpu_quota, usable_cpus
from auxdrive.runtimes import RuntimeSpec, telemetry

PROBE_TIMEOUT_S = 120

# The code that asks a package for its facts. It runs in a process of its own, since a broken
# native library can crash its process.
PROBES = {
    "numpy": "import numpy as m; print(json.dumps({'version': m.__version__}))",
    "pydantic": "import pydantic as m; print(json.dumps({'version': m.VERSION}))",
    "torch": "import torch as m; print(json.dumps({'version': str(m.__version__), "
    "'cuda': m.cuda.is_available()}))",
    "onnx": "import onnx as m; print(json.dumps({'version': m.__version__}))",
    "panda3d": "import panda3d.core as m; "
    "print(json.dumps({'version': m.PandaSystem.get_version_string()}))",
}  # fmt: skip
BASE = ("numpy", "pydantic", "onnxruntime")

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?\s*([^;]*?)\s*(?:;(.*))?$")


@dataclass(frozen=True, slots=True)
class Package:
    """What was found out about a package.

    Attributes:
        name: under which it is imported.
        installed: whether it is installed.
        version: that is installed; None where none is known.
        facts: what the package says of itself.
        problem: why it cannot be used; None where it can.
    """

    name: str
    installed: bool
    version: str | None
    facts: dict[str, Any]
    problem: str | None


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of a distribution.

    Attributes:
        name: of the extra.
        missing: the packages that it needs and that are not installed.
    """

    name: str
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether all packages that it needs are installed."""
        return not self.missing


def machine_facts() -> dict[str, Any]:
    """Python, operating system, processor, usable CPUs, the CPU quota (None where there is none)
    and the memory.
    """
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cpus": usable_cpus(),
        "cpu_quota": cpu_quota(),
        "memory_gib": _memory_gib(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return None


def probe(name: str) -> Package:
    """Ask a package for its facts as `PROBES` says, or only whether it can be imported. The package
    is imported in a process of its own.
    """
    return _ask(name, PROBES.get(name, f"import {name}; print(json.dumps({{}}))"), ())


def probe_runtime(spec: RuntimeSpec) -> Package:
    """Ask the package behind a runtime for its facts, by the runtime's `probe` in a process of its
    own.
    """
    ask = f"from auxdrive.runtimes import RUNTIMES; m = RUNTIMES[{spec.name!r}].probe()"
    return _ask(spec.package, f"{ask}; print(json.dumps(m))", spec.distributions)


def _ask(name: str, code: str, distributions: tuple[str, ...]) -> Package:
    """Ask a package for its facts in a process of its own.

    Args:
        name: under which the package is imported.
        code: a line of Python that prints the facts as JSON.
        distributions: those that may bring the package, where their names differ from its name.
    """
    versions = [installed_version(brings) for brings in distributions or (name,)]
    version = next((found for found in versions if found is not None), None)
    if version is None and not _importable(name):
        return Package(name, False, None, {}, "not installed")
    try:
        run = subprocess.run(
            [sys.executable, "-c", f"import json; {code}"],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
            env={**os.environ, **telemetry.OFF},
        )
        facts = (
            json.loads(run.stdout.splitlines()[-1]) if run.returncode == 0 and run.stdout else None
        )
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return Package(name, True, version, {}, f"does not start: {error}")
    if facts is None:
        lines = run.stderr.strip().splitlines()
        return Package(
            name,
            version is not None,
            version,
            {},
            f"does not start: {lines[-1] if lines else f'exit code {run.returncode}'}",
        )
    return Package(name, True, facts.get("version", version), facts, None)


def _importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution; None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def distribution_of(module: str) -> str:
    """Name and version of the installed distribution that brings a module; only the module's name
    where no distribution is known.
    """
    names = metadata.packages_distributions().get(module, [])
    return f"{names[0]} {metadata.version(names[0])}" if names else module


def conflicting(spec: RuntimeSpec) -> tuple[str, ...]:
    """The installed distributions that bring a runtime's package, where there are two or more,
    which overwrite each other's files; else none.
    """
    found = tuple(name for name in spec.distributions if installed_version(name) is not None)
    return found if len(found) > 1 else ()


def extras(distribution: str = "auxdrive") -> list[Extra]:
    """Every extra of an installed distribution, and which of its requirements are missing. (An
    extra may require other extras.)
    """
    wanted = _requirements(distribution)
    return [
        Extra(name, tuple(sorted(set(_missing(name, wanted, distribution, set())))))
        for name in wanted
        if name
    ]


def outdated(distribution: str = "auxdrive") -> list[str]:
    """The packages of the base install whose installed version is below the required one; each text
    names both versions.
    """
    lacking = _missing("", _requirements(distribution), distribution, set())
    return sorted(
        text for text in lacking if "installed:" in text
    )  # a missing one may have been replaced by another distribution of the same package


def _requirements(distribution: str) -> dict[str, list[tuple[str, str, str]]]:
    """What a distribution requires, as (name, extras of that package, bound), by its own extra; ""
    stands for the base install. Empty where the distribution is not installed.
    """
    try:
        found = metadata.metadata(distribution)
    except metadata.PackageNotFoundError:
        return {}
    wanted: dict[str, list[tuple[str, str, str]]] = {
        name: [] for name in ("", *(found.get_all("Provides-Extra") or []))
    }
    for line in found.get_all("Requires-Dist") or []:
        match = _REQUIREMENT.match(line)
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", line)
        if match and (extra is None or extra[1] in wanted):
            wanted[extra[1] if extra else ""].append((match[1], match[2] or "", match[3]))
    return wanted


def _missing(
    extra: str, wanted: dict[str, list[tuple[str, str, str]]], distribution: str, seen: set[str]
) -> list[str]:
    if extra in seen:
        return []
    seen.add(extra)
    lacking: list[str] = []
    for name, inner, bound in wanted.get(extra, []):
        if name == distribution:
            for other in filter(None, (part.strip() for part in inner.split(","))):
                lacking += _missing(other, wanted, distribution, seen)
        elif (version := installed_version(name)) is None:
            lacking.append(name)
        elif not _satisfies(version, bound):
            lacking.append(f"{name}{bound} (installed: {version})")
    return lacking


def _satisfies(version: str, bound: str) -> bool:
    """Whether a version meets a lower bound `>=x.y`. Other bounds count as met; pip checks them."""
    match = re.search(r">=\s*([0-9.]+)", bound)
    return match is None or _numbers(version) >= _numbers(match[1])


def _numbers(version: str) -> tuple[int, ...]:
    leading = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()
