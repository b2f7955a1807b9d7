"""Mutated graphs: against the onnx package, and as bundles whose hashes are right, through all of
`auxdrive verify`.

    python benchmarks/fuzz/graphs.py [--count 200000] [--seed 0]

Every second case goes straight to the reader; what it accepts, the onnx package must read as the
same nodes, inputs, outputs, stored tensors and versions, and its checker and shape inference must
agree. The others are put into a bundle, with their SHA-256 in the card, and verified: a report must
come out, and the folder outside the bundle, where a file lies that no graph may read, must not
matter. Half of the models are an exported shape of student in one of its precisions, with the
operators of exports, with strips of a big image or with the score as a second output.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import exported_like
import onnx
from auxdrive.checks.graph_messages import ELEMENT_TYPES, ValueFacts
from auxdrive.checks.graph_reader import GraphFacts, read_graph
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import BundleError
from auxdrive_deploy.precisions.fp16 import to_fp16
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import quantised_maps, to_int8
from harness import main
from small_bundle import small_graph, write_small_bundle
from wire_mutations import mutant
from workers import Fuzzer


@dataclass(frozen=True)
class Case:
    """A model, and whether it goes through a bundle."""

    model: bytes
    bundled: bool


def compare_with_onnx(data: bytes, facts: GraphFacts) -> None:
    """What the reader saw is what the onnx package sees, or an AssertionError."""
    model = onnx.ModelProto()
    model.ParseFromString(data)
    onnx.checker.check_model(data, full_check=True)
    assert (model.ir_version, len(model.functions), len(model.training_info)) == (
        facts.ir_version,
        0,
        0,
    )
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", facts.opset)]
    counted: dict[str, int] = {}
    for node in model.graph.node:
        assert not node.domain
        assert all(
            not attribute.HasField("g") and not attribute.graphs for attribute in node.attribute
        )
        counted[node.op_type] = counted.get(node.op_type, 0) + 1
    assert counted == dict(facts.operators)
    assert {tensor.name for tensor in model.graph.initializer} == facts.initializers
    assert not model.graph.sparse_initializer
    assert not any(
        tensor.external_data or tensor.data_location for tensor in model.graph.initializer
    )
    for mine, theirs in ((facts.inputs, model.graph.input), (facts.outputs, model.graph.output)):
        assert list(mine) == [value_facts(value) for value in theirs]
    for tensor in model.graph.initializer:
        assert tuple(onnx.numpy_helper.to_array(tensor).shape) == facts.shapes[tensor.name]
    for output, reached in facts.reachable_inputs.items():
        assert (
            leading_to(model, output, through_sizes=False)
            <= reached
            <= leading_to(model, output, through_sizes=True)
        )
    compare_shapes(model, facts)


def leading_to(model: onnx.ModelProto, output: str, through_sizes: bool) -> set[str]:
    """The inputs on a path to an output; sizes (Shape) lead on or not."""
    nodes = {
        name: node
        for node in model.graph.node
        for name in node.output
        if through_sizes or node.op_type != "Shape"
    }
    seen, waiting = {output}, [output]
    while waiting:
        node = nodes.get(waiting.pop())
        if node is not None:
            waiting += {*node.input} - seen
            seen |= {*node.input}
    return seen & {value.name for value in model.graph.input}


def value_facts(value: onnx.ValueInfoProto) -> ValueFacts:
    """What the reader should say of an input or output."""
    tensor = value.type.tensor_type
    dims = [
        axis.dim_value if axis.HasField("dim_value") else axis.dim_param
        for axis in tensor.shape.dim
    ]
    return ValueFacts(value.name, ELEMENT_TYPES[tensor.elem_type], tuple(dims))


def compare_shapes(model: onnx.ModelProto, facts: GraphFacts) -> None:
    """The shapes of all values for one frame, where onnx can tell them."""
    for value in model.graph.input:
        if not value.type.tensor_type.shape.dim[0].HasField("dim_value"):
            value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for value in inferred.graph.value_info:
        dims = [
            axis.dim_value if axis.HasField("dim_value") else None
            for axis in value.type.tensor_type.shape.dim
        ]
        mine = facts.shapes.get(value.name)
        if value.type.tensor_type.HasField("shape") and mine is not None:
            assert len(mine) == len(dims), (value.name, mine, dims)
            assert all(theirs in (None, size) for size, theirs in zip(mine, dims, strict=True)), (
                value.name,
                mine,
                dims,
            )


class Bundled:
    """A bundle whose model is replaced again and again, with the right SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.path = write_small_bundle(folder / "bundle")
        self.card = json.loads((self.path / "card.json").read_text())

    def verify(self, model: bytes) -> str:
        """The first check that fails, or "verifies"."""
        (self.path / "model.onnx").write_bytes(model)
        self.card["files"]["model.onnx"] = hashlib.sha256(model).hexdigest()
        (self.path / "card.json").write_text(json.dumps(self.card))
        report = verify_bundle(self.path)
        json.dumps(report.as_json())
        return next(
            (f"fails: {check.name}" for check in report.checks if not check.passed), "verifies"
        )


def setup(arguments: argparse.Namespace) -> Fuzzer[Case]:  # noqa: ARG001 (one signature for every fuzzer)
    """A fuzzer with a bundle of its own."""
    folder = tempfile.TemporaryDirectory()
    bundled = Bundled(Path(folder.name))
    small = small_graph(1).SerializeToString()
    like = exported_like.graph().SerializeToString()
    layers = Graph(like).heavy()
    models = (
        small,
        like,
        exported_like.strips().SerializeToString(),
        exported_like.scored().SerializeToString(),
        to_fp16(like, layers),
        to_int8(like, layers, dict.fromkeys(quantised_maps(like, layers), 2.0)),
    )

    def draw(source: random.Random) -> Case:
        through_bundle = source.random() < 0.5
        return Case(
            mutant(source, small if through_bundle else source.choice(models)), through_bundle
        )

    def check(case: Case) -> str:
        assert folder.name  # the folder lives as long as the fuzzer
        if case.bundled:
            return f"bundle {bundled.verify(case.model)}"
        try:
            facts = read_graph(case.model)
        except BundleError:
            return "reader refuses"
        compare_with_onnx(case.model, facts)
        return "reader and onnx agree"

    return Fuzzer(
        draw,
        check,
        show=lambda case: f"{'bundle' if case.bundled else 'reader'} {case.model.hex()[:4000]}",
    )


if __name__ == "__main__":
    main("graphs", setup, __doc__, count=200_000)
