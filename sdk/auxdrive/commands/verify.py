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
    expect_sha256: Annotated[
        str | None, typer.Option(metavar="H", help="The SHA-256 that the card must have: this bundle and no other.", show_default=False)
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Check a bundle: hashes, card, RGB-only proof, parity, limits. Exit code 1 when a check fails."""
    from auxdrive.checks.verify import verify_bundle

    report = verify_bundle(bundle, runtime, device, expect_sha256)
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
        _say_what_it_proves(report.card_sha256, expect_sha256 is not None)
    for name in report.passed_over:
        console.note(f"passed over and not read: {name}")
    failed = [check for check in report.checks if not check.passed]
    if failed:
        reasons = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise CheckFailed(f"{len(failed)} of {len(report.checks)} checks failed. {reasons}")


def _say_what_it_proves(card_sha256: str | None, expected: bool) -> None:
    """Beside the table, and not instead of it: what passing is worth, and the one number that says more."""
    if card_sha256 is None:
        return
    _line(f"SHA-256 of the card: {card_sha256}")
    if expected:
        _line("It is the bundle that --expect-sha256 names, whole and consistent with its card.")
    else:
        _line(
            "Passing says that the bundle is whole and consistent since its card was written, not who wrote it: whoever can change "
            "every file can change the card. Compare this SHA-256 with the one that its maker gave you, or pass it as --expect-sha256."
        )


def _line(text: str) -> None:
    console.line(text)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
