"""Checks of what a bundle's graph predicts: compared with the trained student, with weights of
another seed, and with itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from auxdrive.bundles import IMAGE_INPUT, Bundle, ego_of, image_inputs
from auxdrive.cards import ModelCard, ParitySpec, PrecisionGate
from auxdrive.checks.limits import output_limit, output_size
from auxdrive.checks.ood import check_ood
from auxdrive.checks.parity import Reference, compare, differences, predict_all, read_reference
from auxdrive.checks.report import Check
from auxdrive.precisions import FP32
from auxdrive.predictor import FIRST_RUN_S, Predictor
from auxdrive.strict import Strict
from auxdrive.types import Float32, UInt8

NEGATIVE_CONTROL_TOLERANCE = 0.02
"""How far the negative control's distance may be from the one in the card, as a share of it. The
distance is large and hardly depends on the machine.
"""

PERTURBED_FRAMES = 8
"""In how many reference frames inputs are changed."""


def check_predictions(
    bundle: Bundle,
    runtime: str,
    device: str,
    options: Mapping[str, Any] | Strict | None = None,
    precision: str = FP32,
) -> Iterator[Check]:
    """Run the graph on the reference frames, and on frames in which one input was changed.

    Args:
        bundle: that is checked.
        runtime: that runs the graph, a name in `RUNTIMES`.
        device: that it runs on.
        options: the runtime's own, as in `Predictor.load`.
        precision: of the graph, one that the bundle holds.

    Raises:
        BundleError: the reference files do not fit the card, or the runtime refuses the graph.
        RuntimeFailure: the runtime failed on a frame, or was not done with it after `FIRST_RUN_S`.
    """
    card, recorded = bundle.card, bundle.parity(precision)
    reference = read_reference(bundle)
    with Predictor.load(bundle, runtime, device, options=options, precision=precision) as predictor:
        outputs = predict_all(predictor, reference.images, reference.ego, FIRST_RUN_S)
        again = predict_all(predictor, reference.images, reference.ego, FIRST_RUN_S)
        providers = ", ".join(predictor.providers)
        others = perturbed(card, reference)
        changed = [
            _check_input(predictor, name, frames, outputs) for name, frames in others.items()
        ]
        changed += check_ood(predictor, bundle, reference, others[IMAGE_INPUT])
    yield Check("runs", True, f"{runtime} on {device} ({providers})", len(outputs), None, "frames")
    yield from _check_parity(card, recorded, reference, outputs)
    if precision != FP32:
        yield from _check_gates(card.precisions[precision].gates)
    yield _check_same(outputs, again)
    yield from changed
    yield _check_size(card, outputs)


def _check_gates(gates: Sequence[PrecisionGate]) -> Iterator[Check]:
    """What the export measured against fp32 on data that the bundle does not hold, by the card."""
    for gate in gates:
        yield Check(
            f"recorded {gate.name}",
            gate.passed,
            f"against fp32 at the export, on {gate.samples} held out",
            gate.value,
            gate.limit,
            gate.unit,
        )


def _check_parity(
    card: ModelCard, recorded: ParitySpec, reference: Reference, outputs: Float32
) -> Iterator[Check]:
    """Whether the outputs are the trained student's, and the comparison can fail.

    Args:
        card: of the bundle.
        recorded: what the card says of the parity of the graph that was run.
        reference: its reference frames.
        outputs: (N, ...), the predictions from these frames.
    """
    limit = recorded.limit
    parity = compare(card.task, outputs, reference.outputs)
    yield Check(
        "parity",
        parity.worst <= limit,
        "worst frame against the trained student",
        parity.worst,
        limit,
        parity.unit,
    )
    negative_control = compare(card.task, outputs, reference.negative_control)
    detail = "weights of another seed must exceed the limit, or the comparison proves nothing"
    yield Check(
        "negative control",
        negative_control.worst > limit,
        detail,
        negative_control.worst,
        limit,
        negative_control.unit,
    )
    yield _check_recorded(card, recorded, reference, negative_control.worst)


def _check_same(outputs: Float32, again: Float32) -> Check:
    """Whether two runs of the same frames gave the same bytes.

    Args:
        outputs: (N, ...), the predictions of the first run.
        again: (N, ...), those of the second.
    """
    same = outputs.tobytes() == again.tobytes()
    return Check(
        "determinism",
        same,
        "two runs give the same bytes" if same else "two runs of the same frames differ",
    )


def _check_size(card: ModelCard, outputs: Float32) -> Check:
    """Whether no prediction is larger than its task allows.

    Args:
        card: of the bundle.
        outputs: (N, ...), the predictions from the reference frames.
    """
    bound = output_limit(card)
    largest = max(output_size(card, output) for output in outputs.tolist())
    return Check(
        "output limits", largest <= bound.largest, bound.what, largest, bound.largest, bound.unit
    )


def _check_recorded(
    card: ModelCard, recorded: ParitySpec, reference: Reference, negative_control: float
) -> Check:
    """Whether the parity in the card is within its own limit, and its negative control is what the
    reference files give.

    Args:
        card: of the bundle.
        recorded: the card's parity for the graph that was run.
        reference: its reference frames.
        negative_control: the distance of the negative control from the outputs now.
    """
    stored = compare(card.task, reference.outputs, reference.negative_control).worst
    if not recorded.measured <= recorded.limit < recorded.negative_control:
        detail = (
            f"the card's own parity breaks its limit: {recorded.measured} and negative control "
            f"{recorded.negative_control} {recorded.unit}"
        )
        return Check(
            "recorded parity", False, detail, recorded.measured, recorded.limit, recorded.unit
        )
    tolerance = max(NEGATIVE_CONTROL_TOLERANCE * recorded.negative_control, recorded.limit)
    passed = (
        abs(stored - recorded.negative_control) <= tolerance
        and abs(negative_control - recorded.negative_control) <= tolerance
    )
    detail = (
        f"the card says negative control {recorded.negative_control:.4g}, its files give "
        f"{stored:.4g} {recorded.unit}"
    )
    return Check(
        "recorded parity",
        passed,
        detail,
        abs(stored - recorded.negative_control),
        tolerance,
        recorded.unit,
    )


def perturbed(card: ModelCard, reference: Reference) -> Mapping[str, list[Reference]]:
    """The first reference frames with one input changed.

    Args:
        card: of the bundle.
        reference: its reference frames.

    Returns:
        For each input that the card declares, one set of frames for each way of changing that input
        alone.
    """
    few = slice(0, PERTURBED_FRAMES)
    images, ego = reference.images[few], reference.ego[few]
    changed = {
        name: [
            replace(reference, images=_with_image(images, place, change), ego=ego)
            for change in _other_images(images if images.ndim == 4 else images[:, place])
        ]
        for place, name in enumerate(image_inputs(card.history.frames))
    }
    layout = ego_of(card)
    for name, bounds in layout.bounds(card.input_ranges).items():
        changed[name] = []
        for value in (bounds.low, bounds.high, tuple(0.0 for _ in bounds.low)):
            other = ego.copy()
            other[:, layout.columns[name]] = value
            changed[name].append(replace(reference, images=images, ego=other))
    return changed


def _other_images(images: UInt8) -> tuple[UInt8, ...]:
    """Ways of changing images (N, H, W, 3)."""
    noise = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    return (
        np.zeros_like(images),
        np.full_like(images, 255),
        images[:, :, ::-1],
        np.roll(images, 1, axis=0),
        noise,
    )


def _with_image(images: UInt8, place: int, change: UInt8) -> UInt8:
    """Samples with other images.

    Args:
        images: uint8 (N, H, W, 3) or (N, F, H, W, 3).
        place: which image of each sample is another.
        change: uint8 (N, H, W, 3), the other ones.
    """
    if images.ndim == 4:
        return np.ascontiguousarray(change)
    changed = images.copy()
    changed[:, place] = change
    return changed


def _check_input(
    predictor: Predictor, name: str, changed: list[Reference], outputs: Float32
) -> Check:
    """Whether the model uses an input: changing it must change a prediction by more than two
    implementations of one student may differ.

    Args:
        predictor: that runs the graph.
        name: of the input.
        changed: reference frames with that input changed.
        outputs: (N, ...), the predictions from the unchanged frames.
    """
    card = predictor.card
    few, largest = outputs[:PERTURBED_FRAMES], 0.0
    for frames in changed:
        largest = max(
            largest,
            float(
                differences(
                    card.task, predict_all(predictor, frames.images, frames.ego, FIRST_RUN_S), few
                ).max()
            ),
        )
    limit = card.parity.limit
    passed = limit < largest < float("inf")
    detail = f"largest change of the prediction where {name} alone is changed"
    if not largest < float("inf"):
        detail = f"where {name} alone is changed, the prediction is not finite"
    elif not passed:
        detail = (
            f"the prediction does not depend on {name}, which the card declares: it changes by no "
            "more than the limit of parity"
        )
    return Check(f"depends on {name}", passed, detail, largest, limit, card.parity.unit)
