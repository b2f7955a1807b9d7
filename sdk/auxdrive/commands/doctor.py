"""`auxdrive doctor`: what this machine can run, and why it cannot run the rest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import auxdrive.console as console
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed
from auxdrive.runtimes import DEFAULT_THREADS

if TYPE_CHECKING:
    from auxdrive.choosing import Choice
    from auxdrive.machine.capabilities import Capability, Findings
    from auxdrive.machine.facts import Package


def doctor(
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="A bundle that is timed with each runtime: `--runtime auto` takes the fastest.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say what this machine can run, and why not the rest. Exit code 1 only when the base install
    itself does not work.
    """
    from auxdrive.bundles import Bundle
    from auxdrive.choosing import choose
    from auxdrive.machine.capabilities import base_problems, capabilities, examine, other_problems
    from auxdrive.machine.facts import machine_facts

    opened = None if bundle is None else Bundle.open(bundle)
    found = examine(console.progress)
    choice = None if opened is None else choose(opened, DEFAULT_THREADS, again=True)
    machine, runs, broken = machine_facts(), capabilities(found), base_problems(found)
    problems = [*broken, *other_problems(found)]
    if json_output:
        report = _document(found, runs)
        console.print_json(
            {
                "base_works": not broken,
                "machine": machine,
                **report,
                "runtimes_of_bundle": None
                if choice is None
                else [each.model_dump() for each in choice.candidates],
                "problems": problems,
            }
        )
    else:
        console.table("machine", ("fact", "value"), list(machine.items()), text=("value",))
        _show(found, runs)
        if choice is not None:
            _show_choice(choice, f"{bundle}, one frame on {DEFAULT_THREADS} thread")
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


def _show_choice(choice: Choice, title: str) -> None:
    console.table(
        title,
        ("runtime", "device", "p50 in ms", "auto"),
        [
            (
                each.runtime,
                each.device,
                "" if each.p50_ms is None else f"{each.p50_ms:.2f}",
                each.why_not or "takes this one",
            )
            for each in choice.candidates
        ],
        text=("device", "auto"),
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
