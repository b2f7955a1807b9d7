"""`auxdrive verify`: makes every check of a bundle, and ends with exit code 0 only if all pass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import auxdrive.console as console
from auxdrive.commands.runtime_options import (
    BundleArgument,
    DeviceOption,
    KeyOption,
    OnePrecisionOption,
    RuntimeOption,
    RuntimeOptionsOption,
    parsed_runtime_options,
)
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed
from auxdrive.runtimes import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from auxdrive.checks.report import VerifyReport


def verify(
    bundle: BundleArgument,
    runtime: RuntimeOption = DEFAULT_RUNTIME,
    device: DeviceOption = None,
    precision: OnePrecisionOption = None,
    expect_sha256: Annotated[
        str | None,
        typer.Option(
            metavar="H",
            help="The SHA-256 that the card must have: this bundle and no other.",
            show_default=False,
        ),
    ] = None,
    runtime_options: RuntimeOptionsOption = None,
    key: KeyOption = None,
    identity: Annotated[
        str | None,
        typer.Option(help="Who must have signed it by Sigstore.", show_default=False),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Who vouches for that identity to Sigstore.", show_default=False
        ),
    ] = None,
    trust_config: Annotated[
        Path | None,
        typer.Option(help="Sigstore's trust configuration, a file.", show_default=False),
    ] = None,
    signature: Annotated[
        Path | None,
        typer.Option(
            metavar="SIG",
            help="The signature, where it is not beside the bundle (BUNDLE.sig).",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Check a bundle: hashes, card, RGB-only proof, parity, limits, and with --key its signature.
    Exit code 1 if any fails.
    """
    from auxdrive.checks.verify import verify_bundle
    from auxdrive.signatures.policy import SignaturePolicy

    options = parsed_runtime_options(runtime, runtime_options)
    asked = (key, identity, issuer, trust_config, signature)
    policy = None if asked == (None,) * len(asked) else SignaturePolicy(*asked)
    report = verify_bundle(bundle, runtime, device, expect_sha256, options, policy, precision)
    if json_output:
        console.print_json(report.as_json())
    else:
        _show(report, f"{bundle} ({runtime} on {report.device})")
    for name in report.passed_over:
        console.note(f"passed over and not read: {name}")
    failed = [check for check in report.checks if not check.passed]
    if failed:
        reasons = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise CheckFailed(f"{len(failed)} of {len(report.checks)} checks failed. {reasons}")


def _show(report: VerifyReport, title: str) -> None:
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
        title,
        ("check", "result", "value", "limit", "unit", "detail"),
        rows,
        text=("result", "unit", "detail"),
    )
    if report.card_sha256 is not None:
        console.line(f"SHA-256 of the card: {report.card_sha256}")
        console.line(report.proves)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
