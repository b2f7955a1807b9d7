"""`auxdrive doctor`: what this machine can run, and why it cannot run the rest."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import auxdrive.console as console
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed

if TYPE_CHECKING:
    from auxdrive.machine.capabilities import Capability, Findings
    from auxdrive.machine.facts import Package


def doctor(json_output: JsonOption = False) -> None:
    """Say what this machine can run, and why not the rest. Exit code 1 only when the base install
    itself does not work.
    """
    from auxdrive.machine.capabilities import base_problems, capabilities, examine, other_problems
    from auxdrive.machine.facts import machine_facts

    found = examine(console.progress)
    machine, runs, broken = machine_facts(), capabilities(found), base_problems(found)
    problems = [*broken, *other_problems(found)]
    if json_output:
        report = _document(found, runs)
        console.print_json(
            {"base_works": not broken, "machine": machine, **report, "problems": problems}
        )
    else:
        console.table("machine", ("fact", "value"), list(machine.items()), text=("value",))
        _show(found, runs)
        for problem in problems:
            console.note(f"problem: {problem}")
    if broken:
        raise CheckFailed(f"the base install does not work: {'; '.join(problems)}")


def _document(found: Findings, runs: list[Capability]) -> dict[str, Any]:
    return {
        "packages": [asdict(package) for package in found.packages.values()],
        "extras": [
            {"name": extra.name, "complete": extra.complete, "missing": extra.missing}
            for extra in found.extras
        ],
        "capabilities": [
            {"what": what, "available": not why, "why_not": why or None} for what, why in runs
        ],
        "runtime_options": [
            {"runtime": runtime, "name": name, "default": default, "meaning": meaning}
            for runtime, name, default, meaning in _runtime_options(found)
        ],
    }


def _show(found: Findings, runs: list[Capability]) -> None:
    console.table(
        "packages",
        ("package", "version", "says"),
        [_package_row(package) for package in found.packages.values()],
        text=("version", "says"),
    )
    console.table(
        "extras",
        ("extra", "lacks"),
        [(extra.name, ", ".join(extra.missing) or "nothing") for extra in found.extras],
        text=("lacks",),
    )
    console.table(
        "can run",
        ("what", "runs", "why not"),
        [(what, "no" if why else "yes", why) for what, why in runs],
        text=("runs", "why not"),
    )
    options = _runtime_options(found)
    if options:
        console.table(
            "options of runtimes, --runtime-option NAME=VALUE",
            ("runtime", "option", "default", "meaning"),
            options,
            text=("option", "default", "meaning"),
        )


def _runtime_options(found: Findings) -> list[tuple[str, str, str, str]]:
    """Of each option: its runtime, its name, its default as it is typed, and what it means."""
    from auxdrive.commands.runtime_options import default_of

    return [
        (
            runtime,
            name,
            default_of(field),
            field.description or "",
        )
        for runtime, spec in found.runtimes.specs.items()
        for name, field in spec.options_type.model_fields.items()
    ]


def _package_row(package: Package) -> tuple[str, str, str]:
    told_elsewhere = ("version", "devices")
    says = ", ".join(
        f"{key} {value}" for key, value in package.facts.items() if key not in told_elsewhere
    )
    return package.name, package.version or "", package.problem or says
