"""`auxdrive verify`: makes every check of a bundle, and ends with exit code 0 only if all pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import auxdrive.console as console
from auxdrive.commands.runtime_options import DeviceOption, RuntimeOption
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed
from auxdrive.runtimes import DEFAULT_RUNTIME


def verify(
    bundle: Annotated[
        Path,
        typer.Argument(
            help="The bundle: a directory that `auxdrive export` wrote.", show_default=False
        ),
    ],
    runtime: RuntimeOption = DEFAULT_RUNTIME,
    device: DeviceOption = "cpu",
    expect_sha256: Annotated[
        str | None,
        typer.Option(
            metavar="H",
            help="The SHA-256 that the card must have: this bundle and no other.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Check a bundle: hashes, card, RGB-only proof, parity, limits. Exit code 1 if any fails."""
    from auxdrive.checks.verify import verify_bundle

    report = verify_bundle(bundle, runtime, device, expect_sha256)
    if json_output:
        console.print_json(report.as_json())
    else:
        rows = [
            (
                check.name,
                "pass" if check.passed else "FAIL",
                _number(check.value),
                _number(check.limit),
                check.unit,
                check.detail,
            )
            for check in report.checks
        ]
        console.table(
            f"{bundle} ({runtime} on {device})",
            ("check", "result", "value", "limit", "unit", "detail"),
            rows,
            text=("result", "unit", "detail"),
        )
        if report.card_sha256 is not None:
            _line(f"SHA-256 of the card: {report.card_sha256}")
            _line(report.proves)
    for name in report.passed_over:
        console.note(f"passed over and not read: {name}")
    failed = [check for check in report.checks if not check.passed]
    if failed:
        reasons = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise CheckFailed(f"{len(failed)} of {len(report.checks)} checks failed. {reasons}")


def _line(text: str) -> None:
    console.line(text)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
