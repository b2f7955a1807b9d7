"""What this machine can do with auxdrive, and why it cannot do the rest. Runtimes and simulators
say themselves what they need, in their tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from auxdrive.errors import AuxdriveError
from auxdrive.machine.facts import (
    BASE,
    PROBES,
    Extra,
    Package,
    conflicting,
    extras,
    outdated,
    probe,
    probe_runtime,
)
from auxdrive.registry import Registry
from auxdrive.runtimes import RUNTIMES, RuntimeSpec
from auxdrive.work import ShowProgress, Work, no_progress

T = TypeVar("T")
Capability = tuple[str, str]
"""What a machine may do, and why this one cannot; the reason is empty where it can."""


class SimulatorNeeds(Protocol):
    """The part of `auxdrive_eval.SimulatorSpec` that says what a simulator needs.

    Attributes:
        extra: the extra of auxdrive that installs it; empty where none does.
        package: the module that its sensors need; empty where they need none.
    """

    extra: str
    package: str


SIMULATORS: Registry[SimulatorNeeds] = Registry("simulator", "auxdrive.simulators")


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """The rows of a table.

    Attributes:
        specs: those that can be loaded, by name.
        broken: for each other one, by name, why it cannot.
    """

    specs: Mapping[str, T]
    broken: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about a machine.

    Attributes:
        runtimes: the table of runtimes.
        simulators: the table of simulators.
        packages: the packages that auxdrive, runtimes and simulators need, by the name under which
            each is imported.
        asked: what the package behind each runtime said, by the runtime's name.
        extras: of auxdrive.
    """

    runtimes: Loaded[RuntimeSpec]
    simulators: Loaded[SimulatorNeeds]
    packages: Mapping[str, Package]
    asked: Mapping[str, Package]
    extras: tuple[Extra, ...]


def examine(progress: ShowProgress = no_progress) -> Findings:
    """Ask every package that auxdrive, the runtimes and the simulators need for its facts.

    Args:
        progress: shows how many were asked.
    """
    runtimes, simulators = loaded(RUNTIMES), loaded(SIMULATORS)
    needed = (spec.package for spec in simulators.specs.values() if spec.package)
    names = dict.fromkeys((*PROBES, *needed))
    total = len(names) + len(runtimes.specs)
    packages: dict[str, Package] = {}
    asked: dict[str, Package] = {}
    with progress(Work("asking each package", "package", total, many=True)) as shown:
        for name in names:
            packages[name] = probe(name)
            shown.done()
        for name, spec in runtimes.specs.items():
            asked[name] = probe_runtime(spec)
            packages.setdefault(spec.package, asked[name])
            shown.done()
    return Findings(runtimes, simulators, packages, asked, tuple(extras()))


def loaded(table: Registry[T]) -> Loaded[T]:
    """The rows of a table, whether they can be loaded or not."""
    specs, broken = {}, {}
    for name in table:
        try:
            specs[name] = table[name]
        except (AuxdriveError, ImportError) as error:
            broken[name] = str(error)
    return Loaded(specs, broken)


def runtime_devices(names: Collection[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Each runtime and device, and why it cannot be used (empty where it can).

    Args:
        names: of the runtimes that are asked; None for all.
    """
    table = loaded(RUNTIMES)
    for name, spec in table.specs.items():
        if names is not None and name not in names:
            continue
        package = probe_runtime(spec)
        devices = package.facts.get("devices", {})
        for device in spec.devices:
            yield name, device, package.problem or devices.get(device, "")
    for name, why in table.broken.items():
        if names is None or name in names:
            yield name, "", why


def capabilities(found: Findings) -> list[Capability]:
    """What a machine may do: predict with each runtime, train, export, drive in each simulator."""
    missing = {extra.name: extra.missing for extra in found.extras}
    return [*_predicting(found, missing), *_training(found, missing), *_driving(found, missing)]


def base_problems(found: Findings) -> list[str]:
    """What keeps the base install from working, and how to repair it."""
    return [
        f"{name}: {problem}. Install it again: pip install --force-reinstall {name}"
        for name in BASE
        if (problem := found.packages[name].problem)
    ]


def other_problems(found: Findings) -> list[str]:
    """What else is wrong with the installed packages, and how to repair it."""
    problems = [
        f"{' and '.join(both)} are installed together and overwrite each other's files: "
        f"pip uninstall -y {' '.join(both)}, then install the one that you want"
        for spec in found.runtimes.specs.values()
        if (both := conflicting(spec))
    ]
    if old := outdated():
        problems.append(
            f"older than what was tried: {', '.join(old)}; pip install --upgrade auxdrive"
        )
    return problems


Missing = Mapping[str, tuple[str, ...]]
"""The packages that each extra lacks, by the extra's name."""


def _predicting(found: Findings, missing: Missing) -> list[Capability]:
    rows = []
    for name, spec in found.runtimes.specs.items():
        package = found.asked[name]
        lacks = (_lacks(spec.extra, missing) if spec.extra else "") or package.problem or ""
        devices = package.facts.get("devices", {})
        rows += [
            (f"predict and verify with {name} on {device}", lacks or devices.get(device, ""))
            for device in spec.devices
        ]
    broken = found.runtimes.broken.items()
    return [*rows, *((f"predict and verify with {name}", why) for name, why in broken)]


def _training(found: Findings, missing: Missing) -> list[Capability]:
    torch, onnx = found.packages["torch"], found.packages["onnx"]
    cuda = torch.problem or ("" if torch.facts.get("cuda") else "torch sees no CUDA device")
    return [
        ("train on the CPU", _lacks("train", missing) or torch.problem or ""),
        ("train on a GPU", _lacks("train", missing) or cuda),
        ("export", _lacks("deploy", missing) or torch.problem or onnx.problem or ""),
    ]


def _driving(found: Findings, missing: Missing) -> list[Capability]:
    reasons = {
        name: (_lacks(spec.extra, missing) if spec.extra else "")
        or (found.packages[spec.package].problem if spec.package else "")
        or ""
        for name, spec in found.simulators.specs.items()
    }
    reasons.update(found.simulators.broken)
    return [
        (f"collect and drive in the simulator '{name}'", reasons[name])
        for name in SIMULATORS
        if name in reasons
    ]


def _lacks(extra: str, missing: Missing) -> str:
    if extra not in missing:
        return f"this install knows no extra '{extra}'"
    return (
        f"needs {', '.join(missing[extra])}: pip install 'auxdrive[{extra}]'"
        if missing[extra]
        else ""
    )
