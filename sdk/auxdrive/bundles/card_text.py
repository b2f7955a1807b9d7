"""Reading the card of a bundle: it must be valid, consistent with itself, and describe a model that
a predictor can run.
"""

from __future__ import annotations

from collections.abc import Iterator

from auxdrive.bundles.files import AGAIN, some
from auxdrive.bundles.layout import (
    CARD_NAME,
    IMAGE_INPUT,
    OOD_OUTPUT,
    REQUIRED_FILES,
    image_inputs,
    is_image,
    is_passed_over,
    reference_ood,
    unit_of,
)
from auxdrive.bundles.transport import mark_cause
from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.ego import EGO_INPUTS
from auxdrive.errors import BundleError
from auxdrive.precisions import FP32, MODEL_FILES
from auxdrive.strict import parse_model
from auxdrive.tasks import TASKS


def parse_card(data: bytes, where: str) -> ModelCard:
    """The card in a JSON document. Types are strict; unknown or repeated keys and NaN are refused,
    and the card must be consistent with itself.

    Args:
        data: the document.
        where: names the file in messages.

    Raises:
        BundleError: the card is not valid; the message lists every mistake.
    """
    if (cause := mark_cause(data)) is not None:
        raise BundleError(f"{where}: {cause}")
    card = parse_model(data, ModelCard, where, BundleError)
    mistakes = "; ".join(_card_mistakes(card))
    if mistakes:
        raise BundleError(f"{where}: {mistakes}. {AGAIN}")
    return card


def _card_mistakes(card: ModelCard) -> Iterator[str]:
    """The mistakes that the types alone do not catch: in the names of files, and in inputs and
    outputs that a predictor cannot serve.
    """
    for name in sorted(card.files):
        if not _is_plain_relative(name) or name == CARD_NAME:
            yield f"files: '{name}' is not a path inside the bundle"
        elif is_passed_over(name):
            yield (
                f"files: '{name}' has a name that is passed over in bundles; give the file another"
            )
    if missing := [name for name in REQUIRED_FILES if name not in card.files]:
        yield f"files: {some(missing)} not named"
    if card.training.role != "student":
        yield (
            "training.role: a bundle holds a student; teachers need sensors that the vehicle does "
            "not have"
        )
    names, images = [spec.name for spec in card.inputs], image_inputs(card.history.frames)
    if len(set(names)) != len(names) or [each for each in names if is_image(each)] != [*images]:
        needed = ", ".join(f"'{each}'" for each in images)
        yield f"inputs: need {needed} and each name once, got {names}"
    for spec in card.inputs:
        want = _input_axes(card, spec.name)
        if want is None:
            yield f"inputs: '{spec.name}' is none of {IMAGE_INPUT}, {', '.join(EGO_INPUTS)}"
        elif (
            spec.shape[1:] != want
            or not _is_batch(spec.shape[:1])
            or spec.dtype != ("uint8" if is_image(spec.name) else "float32")
        ):
            yield (
                f"inputs: '{spec.name}' must be "
                f"{'uint8' if is_image(spec.name) else 'float32'} (N, "
                f"{str(want)[1:-1].rstrip(',')})"
            )
    yield from _range_mistakes(card)
    yield from _output_mistakes(card)
    yield from _precision_mistakes(card)
    for spec in card.inputs:
        if (unit := unit_of(spec.name)) not in (None, spec.unit):
            yield f"'{spec.name}' is in {unit}, not in '{spec.unit}'"


def _range_mistakes(card: ModelCard) -> Iterator[str]:
    if card.input_ranges is None:
        return
    ego = {spec.name: EGO_INPUTS[spec.name].size for spec in card.inputs if spec.name in EGO_INPUTS}
    if card.input_ranges.keys() != ego.keys():
        yield (
            f"input_ranges: need those of {', '.join(ego) or 'no input'}, got "
            f"{', '.join(card.input_ranges) or 'none'}"
        )
    for name, found in card.input_ranges.items():
        if len(found.low) != ego.get(name, len(found.low)):
            yield f"input_ranges: '{name}' has {ego[name]} columns, not {len(found.low)}"


def _precision_mistakes(card: ModelCard) -> Iterator[str]:
    for name, spec in card.precisions.items():
        if spec.file != MODEL_FILES[name]:
            yield f"precisions.{name}.file: is '{spec.file[:60]}' and not '{MODEL_FILES[name]}'"
        elif spec.file not in card.files:
            yield f"precisions.{name}.file: '{spec.file}' is not among the files"
        if (spec.ood is None) != (card.ood is None):
            yield f"precisions.{name}.ood: either all graphs of a bundle give a score or none does"
        if (spec.parity.unit, spec.parity.frames) != (card.parity.unit, card.parity.frames):
            yield f"precisions.{name}.parity: needs the unit and the frames of parity"
        if failed := [gate.name for gate in spec.gates if not gate.passed]:
            yield f"precisions.{name}.gates: {some(failed)} broke its limit"


def _output_mistakes(card: ModelCard) -> Iterator[str]:
    task = TASKS[card.task]
    want = task.output(card.form)
    names = [want.name] if card.ood is None else [want.name, OOD_OUTPUT.name]
    if [spec.name for spec in card.outputs] != names:
        beside = "" if card.ood is None else f" and, for ood, '{OOD_OUTPUT.name}'"
        yield f"outputs: a {card.task} model has the one output '{want.name}'{beside}"
    else:
        found = card.outputs[0]
        if (
            found.shape[1:] != want.shape[1:]
            or not _is_batch(found.shape[:1])
            or found.dtype != want.dtype
        ):
            axes = ", ".join(map(str, want.shape[1:]))
            yield f"outputs: '{want.name}' must be {want.dtype} (N, {axes})"
        if found.unit != want.unit:
            yield f"'{want.name}' is in {want.unit}, not in '{found.unit}'"
        if card.ood is not None and not _same_tensor(card.outputs[1], OOD_OUTPUT):
            yield f"outputs: '{OOD_OUTPUT.name}' must be float32 (N, 1) in {OOD_OUTPUT.unit}"
    for precision in (FP32, *card.precisions):
        ood, stored = card.ood_of(precision), reference_ood(precision)
        if (stored in card.files) != (ood is not None):
            which = "without ood, and" if ood is None else "with ood, and not"
            yield f"files: a card {which} '{stored}'"
    yield from task.form_mistakes(card.form)
    if card.parity.unit != task.parity_unit:
        yield f"parity.unit: {card.task} is compared in {task.parity_unit}"


def _input_axes(card: ModelCard, name: str) -> tuple[int, ...] | None:
    if is_image(name):
        return (card.camera.height, card.camera.width, 3)
    return (EGO_INPUTS[name].size,) if name in EGO_INPUTS else None


def _same_tensor(found: TensorSpec, want: TensorSpec) -> bool:
    return (
        _is_batch(found.shape[:1])
        and found.shape[1:] == want.shape[1:]
        and (found.dtype, found.unit) == (want.dtype, want.unit)
    )


def _is_batch(axis: tuple[int | str, ...]) -> bool:
    return len(axis) == 1 and (axis[0] == 1 or isinstance(axis[0], str))


def _is_plain_relative(name: str) -> bool:
    parts = name.split("/")
    return (
        name.isprintable()
        and "\\" not in name
        and ":" not in name
        and not any(part in ("", ".", "..") for part in parts)
    )
