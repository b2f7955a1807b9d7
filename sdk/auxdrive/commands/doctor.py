"""`auxdrive doctor`: what this machine can run, and why it cannot run the rest."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import auxdrive.console as console
from auxdrive.console import JsonOption
from auxdrive.errors import AuxdriveError, CheckFailed
from auxdrive.registry import Registry
from auxdrive.work import Work

if TYPE_CHECKING:
    from auxdrive.machine.facts import Extra, Package
    from auxdrive.runtimes import RuntimeSpec

NOT_SUPPORTED = "not supported by this version"


class _Simulator(Protocol):
    """The part of `auxdrive_eval.SimulatorSpec` that says what a simulator needs."""

    extra: str
    package: str


SIMULATORS: Registry[_Simulator] = Registry("simulator", "auxdrive.simulators")


def doctor(json_output: JsonOption = False) -> None:
    """Say what this machine can run, and why not the rest. Exit code 1 only when the base install
    itself does not work.
    """
    from auxdrive.machine.facts import (
        BASE,
        PROBES,
        conflicting,
        extras,
        machine_facts,
        outdated,
        probe,
        probe_runtime,
    )

    runtimes, broken = _runtimes()
    asking = Work("asking each package", "package", len(PROBES) + len(runtimes), many=True)
    with console.progress(asking) as shown:
        packages: dict[str, Package] = {}
        for name in PROBES:
            packages[name] = probe(name)
            shown.done()
        asked: dict[str, Package] = {}
        for spec in runtimes:
            asked[spec.name] = probe_runtime(spec)
            packages.setdefault(spec.package, asked[spec.name])
            shown.done()
    found = extras()
    machine = machine_facts()
    capabilities = [
        *_run_by(runtimes, asked, found),
        *((f"predict and verify with {name}", why) for name, why in broken.items()),
        *_capabilities(packages, found),
    ]
    problems = [
        f"{name}: {packages[name].problem}. Install it again: pip install --force-reinstall {name}"
        for name in BASE
        if packages[name].problem
    ]
    base_works = not problems
    problems += [
        f"{' and '.join(both)} are installed together and overwrite each other's files: "
        f"pip uninstall -y {' '.join(both)}, then install the one that you want"
        for spec in runtimes
        if (both := conflicting(spec))
    ]
    if old := outdated():
        problems.append(
            f"older than what was tried: {', '.join(old)}; pip install --upgrade auxdrive"
        )
    if json_output:
        console.print_json(
            {
                "base_works": base_works,
                "machine": machine,
                "packages": [asdict(package) for package in packages.values()],
                "extras": [
                    {"name": extra.name, "complete": extra.complete, "missing": extra.missing}
                    for extra in found
                ],
                "capabilities": [
                    {"what": what, "available": not why, "why_not": why or None}
                    for what, why in capabilities
                ],
                "problems": problems,
            }
        )
    else:
        console.table("machine", ("fact", "value"), list(machine.items()), text=("value",))
        console.table(
            "packages",
            ("package", "version", "says"),
            [_package_row(package) for package in packages.values()],
            text=("version", "says"),
        )
        console.table(
            "extras",
            ("extra", "lacks"),
            [(extra.name, ", ".join(extra.missing) or "nothing") for extra in found],
            text=("lacks",),
        )
        console.table(
            "can run",
            ("what", "runs", "why not"),
            [(what, "no" if why else "yes", why) for what, why in capabilities],
            text=("runs", "why not"),
        )
        for problem in problems:
            console.note(f"problem: {problem}")
    if not base_works:
        raise CheckFailed(f"the base install does not work: {'; '.join(problems)}")


def _capabilities(packages: dict[str, Package], found: list[Extra]) -> list[tuple[str, str]]:
    """What this machine can do, each with the reason why not; the reason is empty where it can.

    Args:
        packages: that were asked, by name.
        found: the extras.
    """
    missing = {extra.name: extra.missing for extra in found}
    torch = packages["torch"]
    train_cuda = torch.problem or ("" if torch.facts.get("cuda") else "torch sees no CUDA device")
    return [
        ("train on the CPU", _lacks("train", missing) or torch.problem or ""),
        ("train on a GPU", _lacks("train", missing) or train_cuda),
        ("export", _lacks("deploy", missing) or torch.problem or packages["onnx"].problem or ""),
        *(
            (f"collect and drive in the simulator '{name}'", _why_not_in(name, missing, packages))
            for name in SIMULATORS
        ),
        *([] if "carla" in SIMULATORS else [("drive in CARLA", NOT_SUPPORTED)]),
    ]


def _runtimes() -> tuple[list[RuntimeSpec], dict[str, str]]:
    """The runtimes that can be loaded, and for each other one, by name, why it cannot."""
    from auxdrive.errors import UsageError
    from auxdrive.runtimes import RUNTIMES

    specs, broken = [], {}
    for name in RUNTIMES:
        try:
            specs.append(RUNTIMES[name])
        except UsageError as error:
            broken[name] = str(error)
    return specs, broken


def _run_by(
    runtimes: list[RuntimeSpec], asked: dict[str, Package], found: list[Extra]
) -> list[tuple[str, str]]:
    """For each runtime and device, why it cannot be used; the reason is empty where it can.

    Args:
        runtimes: of the table.
        asked: what the package behind each runtime said, by the runtime's name.
        found: the extras.
    """
    missing = {extra.name: extra.missing for extra in found}
    rows = []
    for spec in runtimes:
        package = asked[spec.name]
        lacks = (_lacks(spec.extra, missing) if spec.extra else "") or package.problem or ""
        devices = package.facts.get("devices", {})
        rows += [
            (f"predict and verify with {spec.name} on {device}", lacks or devices.get(device, ""))
            for device in spec.devices
        ]
    return rows


def _why_not_in(
    simulator: str, missing: dict[str, tuple[str, ...]], packages: dict[str, Package]
) -> str:
    """Why a simulator cannot be used; empty where it can.

    Args:
        simulator: its name.
        missing: packages by extra.
        packages: that were asked, by name.
    """
    from auxdrive.machine.facts import probe

    try:
        needs = SIMULATORS[simulator]
    except (AuxdriveError, ImportError) as error:
        return str(error)
    if needs.extra and (lacks := _lacks(needs.extra, missing)):
        return lacks
    if not needs.package:
        return ""
    return (packages.get(needs.package) or probe(needs.package)).problem or ""


def _lacks(extra: str, missing: dict[str, tuple[str, ...]]) -> str:
    if extra not in missing:
        return f"this install knows no extra '{extra}'"
    return (
        f"needs {', '.join(missing[extra])}: pip install 'auxdrive[{extra}]'"
        if missing[extra]
        else ""
    )


def _package_row(package: Package) -> tuple[str, str, str]:
    told_elsewhere = ("version", "devices")
    says = ", ".join(
        f"{key} {value}" for key, value in package.facts.items() if key not in told_elsewhere
    )
    return package.name, package.version or "", package.problem or says
