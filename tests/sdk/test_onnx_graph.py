"""The graph reader agrees with the onnx package, and no file makes it raise anything but BundleError."""

from __future__ import annotations

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks.graph import read_graph
from auxdrive.errors import BundleError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

GRAPHS = {task: bundle_factory.model(1, task) for task in ("steering", "waypoints")}


def value(name: str, shape: tuple[int | str, ...] = (1,), dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def build(nodes: list[onnx.NodeProto], inputs: list[str], outputs: list[str], **more: object) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", [value(name) for name in inputs], [value(name) for name in outputs], **more)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def branching() -> onnx.ModelProto:
    """y = If(c) {a + w} else {b}: a, b and w are seen from the subgraphs only; d leads to the other output."""
    then = helper.make_graph([helper.make_node("Add", ["a", "w"], ["t"])], "then", [], [value("t")])
    other = helper.make_graph([helper.make_node("Identity", ["b"], ["e"])], "else", [], [value("e")])
    nodes = [
        helper.make_node("Identity", ["a0"], ["a"]),
        helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other),
        helper.make_node("Neg", ["d"], ["z"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [value("a0"), value("b"), value("c", (), TensorProto.BOOL), value("d")],
        [value("y"), value("z")],
        [numpy_helper.from_array(np.ones(1, np.float32), "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    onnx.checker.check_model(made)
    return made


@pytest.mark.parametrize("task", sorted(GRAPHS))
def test_agrees_with_the_onnx_package(task: str) -> None:
    model = GRAPHS[task]
    facts = read_graph(model.SerializeToString())
    assert facts.ir_version == model.ir_version
    assert facts.opsets == {entry.domain: entry.version for entry in model.opset_import}
    for mine, theirs in ((facts.inputs, model.graph.input), (facts.outputs, model.graph.output)):
        assert [entry.name for entry in mine] == [entry.name for entry in theirs]
        for fact, proto in zip(mine, theirs, strict=True):
            tensor = proto.type.tensor_type
            assert fact.dtype == np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name
            assert fact.shape == tuple(axis.dim_param or axis.dim_value for axis in tensor.shape.dim)
    assert facts.initializers == {tensor.name for tensor in model.graph.initializer}
    assert sorted(facts.operators) == sorted({(node.domain, node.op_type) for node in model.graph.node})
    assert sum(facts.operators.values()) == len(model.graph.node)
    assert facts.external_tensors == ()
    assert facts.custom_operators() == ()


def test_reachable_inputs_are_those_on_a_path() -> None:
    facts = read_graph(GRAPHS["waypoints"].SerializeToString())
    assert facts.reachable_inputs == {"waypoints_ego_m": {"image", "speed_mps", "target_ego_m"}}
    dead = build([helper.make_node("Neg", ["image"], ["y"]), helper.make_node("Neg", ["lidar"], ["unused"])], ["image", "lidar"], ["y"])
    assert read_graph(dead.SerializeToString()).reachable_inputs == {"y": {"image"}}


def test_subgraphs_reach_outer_values() -> None:
    facts = read_graph(branching().SerializeToString())
    assert facts.reachable_inputs == {"y": {"a0", "b", "c"}, "z": {"d"}}
    assert facts.subgraph_depth == 1
    assert facts.operators[("", "Add")] == 1


def test_an_input_that_is_an_output() -> None:
    assert read_graph(build([], ["x"], ["x"]).SerializeToString()).reachable_inputs == {"x": {"x"}}


def test_external_data_is_found_wherever_it_stands() -> None:
    def external(name: str) -> onnx.TensorProto:
        tensor = numpy_helper.from_array(np.ones(1, np.float32), name)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "../elsewhere"
        return tensor

    stored = build([helper.make_node("Add", ["x", "w"], ["y"])], ["x"], ["y"], initializer=[external("w")])
    constant = build([helper.make_node("Constant", [], ["y"], value=external("c"))], [], ["y"])
    inner = helper.make_graph([helper.make_node("Constant", [], ["t"], value=external("deep"))], "t", [], [value("t")])
    nested = build([helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)], ["c"], ["y"])
    assert read_graph(stored.SerializeToString()).external_tensors == ("w",)
    assert read_graph(constant.SerializeToString()).external_tensors == ("c",)
    assert set(read_graph(nested.SerializeToString()).external_tensors) == {"deep"}


def test_custom_operators_and_functions() -> None:
    custom = build([helper.make_node("Steal", ["x"], ["y"], domain="evil")], ["x"], ["y"])
    assert read_graph(custom.SerializeToString()).custom_operators() == ("evil::Steal",)
    body = [helper.make_node("Steal", ["a"], ["b"], domain="evil")]
    function = helper.make_function("mine", "F", ["a"], ["b"], body, [helper.make_opsetid("", 20), helper.make_opsetid("evil", 1)])
    hidden = build([helper.make_node("F", ["x"], ["y"], domain="mine")], ["x"], ["y"])
    hidden.functions.append(function)
    facts = read_graph(hidden.SerializeToString())
    assert facts.functions == {("mine", "F")}
    assert facts.custom_operators() == ("evil::Steal",)


def nested_ifs(depth: int) -> onnx.ModelProto:
    body = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "leaf", [], [value("y")])
    for _ in range(depth):
        body = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)], "b", [], [value("y")])
    return build(list(body.node), ["x", "c"], ["y"])


def test_nesting_is_bounded() -> None:
    assert read_graph(nested_ifs(8).SerializeToString()).subgraph_depth == 8
    graph = b""
    for _ in range(3000):  # written by hand: protobuf's own writer gives up at a depth of 100
        graph = field(1, field(4, b"If") + field(5, field(6, graph)))
    with pytest.raises(BundleError, match="nested deeper"):
        read_graph(b"\x08\x08" + field(7, graph))


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    size, length = len(content), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (b"", "no graph"),
        (b"\x08\x08", "no graph"),
        (b"\xff" * 40, "longer than ten bytes"),
        (b"PK\x03\x04 a zip file", "."),
        (build([helper.make_node("Neg", ["x"], ["y"])] * 2, ["x"], ["y"]).SerializeToString(), "two sources"),
        (build([helper.make_node("Neg", ["nowhere"], ["y"])], ["x"], ["y"]).SerializeToString(), "comes from nowhere"),
        (build([helper.make_node("Neg", ["x"], ["y"])], ["x"], ["gone"]).SerializeToString(), "computed by no node"),
        (GRAPHS["steering"].SerializeToString() * 2, "twice"),
    ],
)
def test_broken_models(model: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        read_graph(model, "student.onnx")


def test_training_graphs_are_refused() -> None:
    model = onnx.ModelProto()
    model.CopyFrom(GRAPHS["steering"])
    model.training_info.add()
    with pytest.raises(BundleError, match="training_info"):
        read_graph(model.SerializeToString())


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxdrive.checks.graph.MAX_MODEL_BYTES", 100)
    with pytest.raises(BundleError, match="limit of 100"):
        read_graph(GRAPHS["steering"].SerializeToString())
    monkeypatch.setattr("auxdrive.checks.graph.MAX_NODES", 5)
    monkeypatch.setattr("auxdrive.checks.graph.MAX_MODEL_BYTES", 1 << 20)
    with pytest.raises(BundleError, match="more than 5 nodes"):
        read_graph(GRAPHS["steering"].SerializeToString())


SMALL = branching().SerializeToString()


def read_or_refuse(data: bytes) -> None:
    try:
        answer = f"model.onnx has {len(read_graph(data).inputs)} inputs"
    except BundleError as error:
        answer = str(error)
    assert answer.startswith("model.onnx")


def test_every_truncation() -> None:
    for end in range(len(SMALL)):
        read_or_refuse(SMALL[:end])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_flipped_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SMALL)
    for position, byte in changes:
        data[position] = byte
    read_or_refuse(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    read_or_refuse(data)
    read_or_refuse(b"\x08\x08\x3a" + bytes([min(len(data), 127)]) + data)
