"""Whether a graph is the one that its card describes: its inputs and outputs, and which inputs the
outputs depend on. Nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterator

from auxdrive.bundles.layout import IMAGE_INPUT, OOD_OUTPUT, is_image
from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.checks.graph_messages import ValueFacts
from auxdrive.checks.graph_reader import GraphFacts, read_graph
from auxdrive.checks.report import Check
from auxdrive.errors import BundleError
from auxdrive.precisions import FP16, FP32, INT8

_TYPES = {FP32: frozenset[str](), FP16: frozenset({"float16"}), INT8: frozenset({"int8"})}
"""The types beside float32 in which a graph of each precision computes."""


def admit(model: bytes, card: ModelCard, what: str, precision: str = FP32) -> GraphFacts:
    """Check a graph before it is given to a runtime: it must be one that an export can hold, with
    the inputs and outputs of the card.

    Args:
        model: the graph's bytes, ONNX.
        card: of the bundle.
        what: names the graph in messages.
        precision: that the graph must have.

    Returns:
        The facts of the graph.

    Raises:
        BundleError: it is not such a graph.
    """
    facts = read_graph(model, what)
    for check in check_graph(facts, card, precision):
        if not check.passed:
            raise BundleError(f"{what}: {check.name}: {check.detail}. Export the bundle again")
    return facts


def check_graph(
    facts: GraphFacts, card: ModelCard, precision: str | None = FP32
) -> Iterator[Check]:
    """The checks that need the graph and the card alone.

    Args:
        facts: of the graph.
        card: of the bundle.
        precision: that the graph must have; None for a graph that is no precision of the card.
    """
    wrong = [
        *_signature_mistakes("input", facts.inputs, card.inputs),
        *_signature_mistakes("output", facts.outputs, card.outputs),
    ]
    yield Check(
        "inputs and outputs",
        not wrong,
        "; ".join(wrong) or "as the card says: " + ", ".join(value.name for value in facts.inputs),
    )
    yield _check_dependence(facts, card)
    found = facts.types & frozenset().union(*_TYPES.values())
    if precision is not None and found != _TYPES[precision]:
        told = ", ".join(sorted(found)) or "float32 alone"
        yield Check("precision", False, f"computes in {told} and is called {precision}")


def _check_dependence(facts: GraphFacts, card: ModelCard) -> Check:
    """Whether each output depends on the image, and on nothing else but the ego inputs that the
    card declares. So the model needs no sensor but the camera.
    """
    declared = {spec.name for spec in card.inputs}
    images = {name for name in declared if is_image(name)}
    for output, needed in facts.reachable_inputs.items():
        if undeclared := sorted(needed - declared):
            return Check(
                "RGB and declared ego only", False, f"'{output}' depends on {', '.join(undeclared)}"
            )
        if IMAGE_INPUT not in needed:
            return Check(
                "RGB and declared ego only", False, f"'{output}' does not depend on the image"
            )
        if output == OOD_OUTPUT.name and needed - images:
            return Check(
                "RGB and declared ego only", False, f"'{output}' depends on more than the image"
            )
    unused = sorted(declared - set().union(*facts.reachable_inputs.values()))
    shown = "; ".join(
        f"{output} <- {', '.join(sorted(needed))}"
        for output, needed in facts.reachable_inputs.items()
    )
    if unused:
        return Check(
            "RGB and declared ego only",
            False,
            f"declared and not used: {', '.join(unused)} ({shown})",
        )
    return Check("RGB and declared ego only", True, f"{shown}; no auxiliary input")


def _signature_mistakes(
    kind: str, found: tuple[ValueFacts, ...], wanted: tuple[TensorSpec, ...]
) -> Iterator[str]:
    by_name = {value.name: value for value in found}
    if by_name.keys() != {spec.name for spec in wanted}:
        yield (
            f"the graph's {kind}s are {[value.name for value in found]}, the card's "
            f"{[spec.name for spec in wanted]}"
        )
        return
    for spec in wanted:
        value = by_name[spec.name]
        fits = (
            value.shape is not None
            and len(value.shape) == len(spec.shape)
            and all(map(_same_axis, value.shape, spec.shape))
        )
        if value.dtype != spec.dtype or not fits:
            yield (
                f"{kind} '{spec.name}' is {value.dtype} {value.shape} in the graph, {spec.dtype} "
                f"{spec.shape} in the card"
            )


def _same_axis(found: int | str, wanted: int | str) -> bool:
    """Whether two axes agree: free axes do, whatever their names."""
    return (
        found == wanted
        if isinstance(found, int) and isinstance(wanted, int)
        else type(found) is type(wanted)
    )
