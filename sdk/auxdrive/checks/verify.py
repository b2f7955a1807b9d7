"""The checks of a bundle behind `auxdrive verify`: its files, what its graph is made of, and what
it predicts. Whoever builds the vehicle can repeat them.

They need the base install alone, neither torch nor the onnx package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from auxdrive.bundles import Bundle
from auxdrive.bundles.bundle import checked_sha256
from auxdrive.checks.admission import check_graph
from auxdrive.checks.graph_reader import read_graph
from auxdrive.checks.predictions import check_predictions
from auxdrive.checks.report import Check, VerifyReport
from auxdrive.checks.sizes import MAX_WORK
from auxdrive.errors import AuxdriveError, BundleError, RuntimeUnavailable, UsageError
from auxdrive.precisions import FP32, check_precision
from auxdrive.runtimes import DEFAULT_RUNTIME, RUNTIMES, checked_options, device_of
from auxdrive.signatures.policy import SignaturePolicy
from auxdrive.strict import Strict

__all__ = ["Check", "VerifyReport", "verify_bundle"]


def verify_bundle(
    path: str | os.PathLike[str],
    runtime: str = DEFAULT_RUNTIME,
    device: str | None = None,
    expect_sha256: str | None = None,
    options: Mapping[str, Any] | Strict | None = None,
    signature: str | os.PathLike[str] | SignaturePolicy | None = None,
    precision: str | None = None,
) -> VerifyReport:
    """Make every check of a bundle. What is wrong with it stands in the report.

    Args:
        path: its directory.
        runtime: that runs the graph, a name in `auxdrive.RUNTIMES`.
        device: that it runs on; None for the runtime's first.
        expect_sha256: the SHA-256 that its card must have; without one, any bundle passes that is
            consistent with itself.
        options: the runtime's own, as in `Predictor.load`.
        signature: the PEM file of the public key whose signature it must have, or a policy that
            says more; None asks for no signature.
        precision: the one whose predictions are checked; None for all that the bundle holds.

    Raises:
        UsageError: there is no bundle at that path, no such runtime, device or option of it, no
            such public key, no such precision in the bundle, or `expect_sha256` is no SHA-256.
        MissingExtra: a signature is asked for, and the extra `sign` is not installed.
        RuntimeUnavailable: the runtime or device cannot be had here.

    Examples:
        >>> from auxdrive import verify_bundle
        >>> report = verify_bundle("bundle")
        >>> report.passed, report.checks[0].name
        (True, 'card and hashes')
    """
    # these are the caller's mistakes, whatever is wrong with the bundle
    spec = RUNTIMES[runtime]
    checked, device = checked_options(spec, options), device_of(spec, device)
    if precision is not None:
        check_precision(precision)
    report = VerifyReport(str(path), runtime, device, expected=expect_sha256 is not None)
    if expect_sha256 is not None:
        checked_sha256(expect_sha256)
    try:
        bundle = Bundle.open(path, expect_sha256)
    except BundleError as error:
        report.checks.append(Check("card and hashes", False, str(error)))
        return report
    report.card_sha256, report.passed_over = bundle.card_sha256, bundle.passed_over
    if precision is not None:
        bundle.model_file(precision)
    report.checks.extend(_check_files(bundle))
    if signature is not None:
        report.checks.append(_check_signature(bundle, signature, report))
    if report.passed:
        for each in bundle.precisions if precision is None else (precision,):
            report.checks.extend(_check_precision(bundle, each, runtime, device, checked))
    return report


def _check_precision(
    bundle: Bundle, precision: str, runtime: str, device: str, options: Strict
) -> Iterator[Check]:
    """What a graph predicts. The names of the checks begin with the precision, but for fp32."""
    named = "" if precision == FP32 else f"{precision}: "
    try:
        for check in check_predictions(bundle, runtime, device, options, precision):
            yield replace(check, name=f"{named}{check.name}")
    except (UsageError, RuntimeUnavailable):
        raise
    except AuxdriveError as error:  # whatever failed, the bundle is the cause
        yield Check(f"{named}runs", False, str(error))


def _check_files(bundle: Bundle) -> Iterator[Check]:
    """What can be said of an opened bundle's files without running its graph."""
    said = "card.json is valid; every file is named and has its SHA-256"
    yield Check("card and hashes", True, said, len(bundle.card.files), None, "files")
    precisions = {bundle.model_file(each): each for each in bundle.precisions}
    for name in sorted(name for name in bundle.card.files if name.endswith(".onnx")):
        yield from _check_model(bundle, name, precisions.get(name))


def _check_signature(
    bundle: Bundle, wanted: str | os.PathLike[str] | SignaturePolicy, report: VerifyReport
) -> Check:
    from auxdrive.signatures import check

    try:
        report.signed_by = check.require_signature(bundle, wanted)
    except BundleError as error:
        return Check("signature", False, str(error))
    return Check(
        "signature",
        True,
        f"made by {report.signed_by}; it covers every file",
        len(bundle.sha256_of_all),
        None,
        "files",
    )


def _check_model(bundle: Bundle, name: str, precision: str | None) -> Iterator[Check]:
    try:
        facts = read_graph(bundle.read(name), name)
    except BundleError as error:
        yield Check(f"{name}: graph", False, str(error))
        return
    nodes = (
        f"{sum(facts.operators.values())} nodes of exported operators (opset {facts.opset}), every "
        "tensor lies in the file"
    )
    yield Check(
        f"{name}: graph", True, nodes, facts.work / 1e9, MAX_WORK / 1e9, "G multiplications"
    )
    for check in check_graph(facts, bundle.card, precision):
        yield replace(check, name=f"{name}: {check.name}")
