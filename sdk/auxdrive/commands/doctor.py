"""`auxdrive doctor`: what this machine can run, and why it cannot run the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import auxdrive.console as console
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed
from auxdrive.precisions import FP32
from auxdrive.runtimes import DEFAULT_THREADS
from auxdrive.work import Work

if TYPE_CHECKING:
    from auxdrive.bundles import Bundle
    from auxdrive.choosing import Candidate
    from auxdrive.machine.capabilities import Capability, Findings
    from auxdrive.machine.facts import Package


def doctor(
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="A bundle that is timed with each runtime in each of its precisions: `--runtime "
            "auto` takes the fastest.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say what this machine can run, and why not the rest. Exit code 1 only when the base install
    itself does not work.
    """
    from auxdrive.bundles import Bundle
    from auxdrive.machine.capabilities import base_problems, capabilities, examine, other_problems
    from auxdrive.machine.facts import machine_facts

    opened = None if bundle is None else Bundle.open(bundle)
    found = examine(console.progress)
    tried = None if opened is None else _tried(opened)
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
                if tried is None
                else [
                    {"precision": precision, **each.model_dump()}
                    for precision, candidates in tried.items()
                    for each in candidates
                ],
                "problems": problems,
            }
        )
    else:
        console.table("machine", ("fact", "value"), list(machine.items()), text=("value",))
        _show(found, runs)
        if tried is not None:
            _show_tried(tried, f"{bundle}, one frame on {DEFAULT_THREADS} thread")
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


def _tried(bundle: Bundle) -> dict[str, tuple[Candidate, ...]]:
    """Every runtime and device as it was tried with a bundle, the fastest first, by precision."""
    from auxdrive.choosing import try_all

    tried = {}
    work = Work(f"timing {bundle.path}", "precision", len(bundle.precisions))
    with console.progress(work) as shown:
        for precision in bundle.precisions:
            tried[precision] = try_all(bundle, DEFAULT_THREADS, precision)
            shown.done(1, precision)
    return tried


def _show_tried(tried: Mapping[str, Sequence[Candidate]], title: str) -> None:
    console.table(
        title,
        ("runtime", "device", "precision", "p50 in ms", "auto"),
        [
            (
                each.runtime,
                each.device,
                precision,
                "" if each.p50_ms is None else f"{each.p50_ms:.2f}",
                each.why_not or _taken(precision),
            )
            for precision, candidates in tried.items()
            for each in candidates
        ],
        text=("device", "precision", "auto"),
    )


def _taken(precision: str) -> str:
    """A precision changes predictions, so `auto` takes no other than fp32 unless it is named."""
    return "takes this one" + ("" if precision == FP32 else f" with --precision {precision}")


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
