"""Checks of a bundle that a vehicle's integrator can repeat: what it holds, what it depends on, and what it answers.

Works in the base install: neither torch nor the onnx package is needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from auxdrive.bundles import IMAGE_INPUT, Bundle
from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.checks.graph import GraphFacts, ValueFacts, read_graph
from auxdrive.errors import BundleError, RuntimeFailure
from auxdrive.limits import output_figure, output_limit
from auxdrive.parity import Reference, compare, predict_all, read_reference
from auxdrive.predictor import Predictor

CONTROL_TOLERANCE = 0.02
"""The control's figure is large and hardly depends on the machine; it must come out within this share of the card's."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `figure` and `limit` are in `unit`; None where the check is not a comparison of numbers."""

    name: str
    passed: bool
    detail: str
    figure: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(slots=True)
class VerifyReport:
    """Every check that was made, in order. Checks of the answers are made only when those of the files and graph passed.

    Attributes:
        card_sha256: of card.json, which holds the SHA-256 of every other file; None where the card could not be read.
        passed_over: what lies in the folder, is no part of any bundle, and was not opened (.DS_Store and its like).
    """

    bundle: str
    runtime: str
    device: str
    card_sha256: str | None = None
    passed_over: tuple[str, ...] = ()
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all passed."""
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return {**asdict(self), "passed": self.passed}


def verify_bundle(
    path: str | os.PathLike[str], runtime: str = "onnxruntime", device: str = "cpu", expect_sha256: str | None = None
) -> VerifyReport:
    """Make every check on a bundle.

    Args:
        path: its directory. runtime, device: what runs the graph.
        expect_sha256: the SHA-256 that its card must have; without it any bundle that is consistent with itself passes.

    Raises:
        UsageError: there is no bundle at that path, no such runtime or device, or `expect_sha256` is no SHA-256.
        RuntimeUnavailable: the runtime or device cannot be had here. What is wrong with the bundle stands in the report.
    """
    report = VerifyReport(str(path), runtime, device)
    try:
        bundle = Bundle.open(path, expect_sha256)
    except BundleError as error:
        report.checks.append(Check("card and hashes", False, str(error)))
        return report
    report.card_sha256, report.passed_over = bundle.card_sha256, bundle.passed_over
    count = len(bundle.card.files)
    report.checks.append(
        Check("card and hashes", True, "card.json is valid; every file is named and has its SHA-256", count, None, "files")
    )
    for name in sorted(name for name in bundle.card.files if name.endswith(".onnx")):
        report.checks.extend(_check_model(bundle, name))
    if report.passed:
        try:
            report.checks.extend(_check_answers(bundle, runtime, device))
        except (BundleError, RuntimeFailure) as error:
            report.checks.append(Check("runs", False, str(error)))
    return report


def _check_model(bundle: Bundle, name: str) -> Iterator[Check]:
    try:
        facts = read_graph(bundle.read(name), name)
    except BundleError as error:
        yield Check(f"{name}: graph", False, str(error))
        return
    for check in check_graph(facts, bundle.card):
        yield Check(f"{name}: {check.name}", check.passed, check.detail, check.figure, check.limit, check.unit)


def check_graph(facts: GraphFacts, card: ModelCard) -> Iterator[Check]:
    """What is proved from the graph alone, without running it."""
    wrong = [*_signature_mistakes("input", facts.inputs, card.inputs), *_signature_mistakes("output", facts.outputs, card.outputs)]
    yield Check("inputs and outputs", not wrong, "; ".join(wrong) or "as the card says: " + ", ".join(value.name for value in facts.inputs))
    yield _check_dependence(facts, card)
    external = ", ".join(facts.external_tensors[:5])
    yield Check("no external data", not external, f"tensors in other files: {external}" if external else "every tensor lies in the file")
    custom = ", ".join(facts.custom_operators()[:5])
    used = f"{sum(facts.operators.values())} nodes of ONNX's own operators, opset {facts.opsets.get('')}"
    yield Check("no custom operators", not custom, f"custom operators: {custom}" if custom else used)


def _check_dependence(facts: GraphFacts, card: ModelCard) -> Check:
    """RGB only: each output depends on the image, and on nothing but the image and the ego inputs that the card declares."""
    declared = {spec.name for spec in card.inputs}
    for output, needed in facts.reachable_inputs.items():
        if undeclared := sorted(needed - declared):
            return Check("RGB and declared ego only", False, f"'{output}' depends on {', '.join(undeclared)}")
        if IMAGE_INPUT not in needed:
            return Check("RGB and declared ego only", False, f"'{output}' does not depend on the image")
    unused = sorted(declared - set().union(*facts.reachable_inputs.values())) if facts.reachable_inputs else sorted(declared)
    shown = "; ".join(f"{output} <- {', '.join(sorted(needed))}" for output, needed in facts.reachable_inputs.items())
    if unused:
        return Check("RGB and declared ego only", False, f"declared and not used: {', '.join(unused)} ({shown})")
    return Check("RGB and declared ego only", True, f"{shown}; no auxiliary input")


def _signature_mistakes(kind: str, found: tuple[ValueFacts, ...], wanted: tuple[TensorSpec, ...]) -> Iterator[str]:
    by_name = {value.name: value for value in found}
    if len(by_name) != len(found) or by_name.keys() != {spec.name for spec in wanted}:
        yield f"the graph's {kind}s are {[value.name for value in found]}, the card's {[spec.name for spec in wanted]}"
        return
    for spec in wanted:
        value = by_name[spec.name]
        fits = value.shape is not None and len(value.shape) == len(spec.shape) and all(map(_same_axis, value.shape, spec.shape))
        if value.dtype != spec.dtype or not fits:
            yield f"{kind} '{spec.name}' is {value.dtype} {value.shape} in the graph, {spec.dtype} {spec.shape} in the card"


def _same_axis(found: int | str, wanted: int | str) -> bool:
    """Free axes are equal whatever they are called."""
    return found == wanted if isinstance(found, int) and isinstance(wanted, int) else type(found) is type(wanted)


def _check_answers(bundle: Bundle, runtime: str, device: str) -> Iterator[Check]:
    card = bundle.card
    reference = read_reference(bundle)
    with Predictor.load(bundle, runtime, device) as predictor:
        outputs = predict_all(predictor, reference.images, reference.ego)
        again = predict_all(predictor, reference.images, reference.ego)
        providers = ", ".join(predictor.providers)
    yield Check("runs", True, f"{runtime} on {device} ({providers})", len(outputs), None, "frames")
    parity, limit = compare(card.task, outputs, reference.outputs), card.parity.limit
    yield Check("parity", parity.worst <= limit, "worst frame against the trained student", parity.worst, limit, parity.unit)
    control = compare(card.task, outputs, reference.control)
    detail = "weights of another seed must exceed the limit, or the comparison proves nothing"
    yield Check("negative control", control.worst > limit, detail, control.worst, limit, control.unit)
    yield _check_recorded(card, reference, control.worst)
    same = outputs.tobytes() == again.tobytes()
    yield Check("determinism", same, "two runs give the same bytes" if same else "two runs of the same frames differ")
    bound = output_limit(card)
    largest = max(output_figure(card, answer) for answer in outputs.tolist())
    yield Check("output limits", largest <= bound.largest, bound.what, largest, bound.largest, bound.unit)


def _check_recorded(card: ModelCard, reference: Reference, control: float) -> Check:
    """The figures in the card: within its own limit, and the control's repeatable from the files."""
    recorded = card.parity
    stored = compare(card.task, reference.outputs, reference.control).worst
    if not recorded.measured <= recorded.limit < recorded.control:
        detail = f"the card's own figures break its limit: {recorded.measured} and control {recorded.control} {recorded.unit}"
        return Check("recorded figures", False, detail, recorded.measured, recorded.limit, recorded.unit)
    tolerance = max(CONTROL_TOLERANCE * recorded.control, recorded.limit)
    passed = abs(stored - recorded.control) <= tolerance and abs(control - recorded.control) <= tolerance
    detail = f"the card says control {recorded.control:.4g}, its files give {stored:.4g} {recorded.unit}"
    return Check("recorded figures", passed, detail, abs(stored - recorded.control), tolerance, recorded.unit)
