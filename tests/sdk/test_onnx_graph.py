"""The graph reader agrees with the onnx package on what it accepts, and no file makes it raise
anything but BundleError.
"""

from __future__ import annotations

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks import schema
from auxdrive.checks.graph_reader import read_graph
from auxdrive.checks.wire import Kind, Message
from auxdrive.errors import BundleError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

GRAPHS = {task: bundle_factory.model(1, task) for task in ("steering", "waypoints")}


def value(
    name: str, shape: tuple[int | str, ...] = (1,), dtype: int = TensorProto.FLOAT
) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def build(
    nodes: list[onnx.NodeProto], inputs: list[str], outputs: list[str], **more: object
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes, "g", [value(name) for name in inputs], [value(name) for name in outputs], **more
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("task", sorted(GRAPHS))
def test_agrees_with_the_onnx_package(task: str) -> None:
    model = GRAPHS[task]
    facts = read_graph(model.SerializeToString())
    assert facts.ir_version == model.ir_version
    assert {"": facts.opset} == {entry.domain: entry.version for entry in model.opset_import}
    for mine, theirs in ((facts.inputs, model.graph.input), (facts.outputs, model.graph.output)):
        assert [entry.name for entry in mine] == [entry.name for entry in theirs]
        for fact, proto in zip(mine, theirs, strict=True):
            tensor = proto.type.tensor_type
            assert fact.dtype == np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name
            assert fact.shape == tuple(
                axis.dim_param or axis.dim_value for axis in tensor.shape.dim
            )
    assert facts.initializers == {tensor.name for tensor in model.graph.initializer}
    assert sorted(facts.operators) == sorted({node.op_type for node in model.graph.node})
    assert sum(facts.operators.values()) == len(model.graph.node)


@pytest.mark.parametrize("task", sorted(GRAPHS))
def test_shapes_are_those_of_onnx(task: str) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(GRAPHS[task])
    for given_value in (*model.graph.input, *model.graph.output):
        given_value.type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    facts = read_graph(model.SerializeToString())
    shapes = {
        each.name: tuple(axis.dim_value for axis in each.type.tensor_type.shape.dim)
        for each in inferred.graph.value_info
    }
    assert len(shapes) == len(model.graph.node) - 1
    assert {name: facts.shapes[name] for name in shapes} == shapes


NAMES = {
    "MODEL": onnx.ModelProto,
    "OPSET": onnx.OperatorSetIdProto,
    "GRAPH": onnx.GraphProto,
    "NODE": onnx.NodeProto,
    "TENSOR": onnx.TensorProto,
    "ATTRIBUTE": onnx.AttributeProto,
    "VALUE_INFO": onnx.ValueInfoProto,
    "TYPE": onnx.TypeProto,
    "TENSOR_TYPE": onnx.TypeProto.Tensor,
    "SHAPE": onnx.TensorShapeProto,
    "DIMENSION": onnx.TensorShapeProto.Dimension,
}
KINDS = {
    3: Kind.INT64,
    5: Kind.INT32,
    14: Kind.INT32,
    2: Kind.FLOAT,
    9: Kind.TEXT,
    11: Kind.MESSAGE,
    12: Kind.BYTES,
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_schema_is_that_of_onnx(name: str) -> None:
    """Every field that onnx has stands in the table under its number, with its type; what a later
    onnx adds is refused as unknown.
    """
    mine: Message = getattr(schema, name)
    for theirs in NAMES[name].DESCRIPTOR.fields:
        field = mine.get(theirs.number)
        if field is None:  # younger than this table
            continue
        assert field.name == theirs.name
        if not hasattr(field, "kind"):
            continue
        assert field.many == theirs.is_repeated
        # A name is a text, or bytes that hold one, with printable characters alone.
        assert field.kind == KINDS[theirs.type] or (
            field.kind is Kind.NAME and theirs.type in (9, 12)
        )
    assert mine.keys() <= {field.number for field in NAMES[name].DESCRIPTOR.fields} | {
        26,
        10,
        16,
        4,
        9,
        14,
    }


def test_reachable_inputs_are_those_on_a_path() -> None:
    facts = read_graph(GRAPHS["waypoints"].SerializeToString())
    assert facts.reachable_inputs == {"waypoints_ego_m": {"image", "speed_mps", "target_ego_m"}}
    dead = build(
        [
            helper.make_node("Tanh", ["image"], ["y"]),
            helper.make_node("Tanh", ["lidar"], ["unused"]),
        ],
        ["image", "lidar"],
        ["y"],
    )
    assert read_graph(dead.SerializeToString()).reachable_inputs == {"y": {"image"}}


def test_what_follows_from_a_size_depends_on_no_image() -> None:
    """Zeros in the shape of the image are zeros."""
    zero = [helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])]
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Expand", ["zero", "shape"], ["y"]),
    ]
    assert read_graph(
        build(nodes, ["image"], ["y"], initializer=zero).SerializeToString()
    ).reachable_inputs == {"y": set()}


def test_an_input_that_is_an_output() -> None:
    assert read_graph(build([], ["x"], ["x"]).SerializeToString()).reachable_inputs == {"x": {"x"}}


SMALL = GRAPHS["waypoints"].SerializeToString()


def read_or_refuse(data: bytes) -> None:
    try:
        outcome = f"model.onnx has {len(read_graph(data).inputs)} inputs"
    except BundleError as error:
        outcome = str(error)
    assert outcome.startswith("model.onnx")


def test_every_truncation() -> None:
    for end in range(0, len(SMALL), 3):
        read_or_refuse(SMALL[:end])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6)
)
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
