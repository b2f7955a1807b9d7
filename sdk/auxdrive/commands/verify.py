"""`auxdrive verify`: every check of a bundle, and exit code 0 only when all pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import auxdrive.console as console
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed


def verify(
    bundle: Annotated[Path, typer.Argument(help="The bundle: a directory that `auxdrive export` wrote.", show_default=False)],
    runtime: Annotated[str, typer.Option(help="What runs the graph.")] = "onnxruntime",
    device: Annotated[str, typer.Option(help="Where it runs: cpu or cuda.")] = "cpu",
    json_output: JsonOption = False,
) -> None:
    """Check a bundle: hashes, card, RGB-only proof, parity, limits. Exit code 1 when a check fails."""
    from auxdrive.verify import verify_bundle

    report = verify_bundle(bundle, runtime, device)
    if json_output:
        console.print_json(report.as_json())
    else:
        rows = [
            (check.name, "pass" if check.passed else "FAIL", _number(check.figure), _number(check.limit), check.unit, check.detail)
            for check in report.checks
        ]
        console.table(
            f"{bundle} ({runtime} on {device})",
            ("check", "result", "figure", "limit", "unit", "detail"),
            rows,
            text=("result", "unit", "detail"),
        )
    failed = [check for check in report.checks if not check.passed]
    if failed:
        reasons = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise CheckFailed(f"{len(failed)} of {len(report.checks)} checks failed. {reasons}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
