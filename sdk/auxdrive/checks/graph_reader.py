"""Reading ONNX files without the onnx package, which the vehicle does not have, and without trust
in the file.

`read_graph` accepts only graphs like those of auxdrive's exports: a single graph, operators of ONNX
from one list (`operators`), every tensor stored in the file, and sizes and indices that follow from
the size of the image alone. Everything else is refused: local functions, control flow, sequences,
custom domains, data in other files, metadata, unknown fields. It gives what `auxdrive verify` must
prove: the inputs, the outputs, and which inputs each output depends on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from auxdrive.checks import schema
from auxdrive.checks.operators import OPSET, Node
from auxdrive.checks.sizes import Trace
from auxdrive.checks.values import MAX_KNOWN, Value
from auxdrive.checks.wire import WireReader

MAX_MODEL_BYTES = 1 << 30
MAX_NODES = 5_000
"""The most nodes of a graph; the largest export has about 220."""
MAX_VALUES = 16
"""The most inputs, and the most outputs, of a graph."""
IR_VERSIONS = range(8, 15)
"""The versions of the file format that are read. Newer ones are not known, and before 4 stored
tensors counted as inputs.
"""

# TensorProto.DataType, by names that NumPy knows. Others are called "type<number>".
ELEMENT_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
INPUT_TYPES = ("uint8", "float32")
STORED_TYPES = ("float32", "int64", "uint8")
"""The types that a tensor in the file may have."""
# The field that holds the numbers of a tensor where they are not raw bytes.
_DATA_FIELDS = {"float32": "float_data", "int64": "int64_data"}

# The field that holds an attribute's value, by AttributeProto.type.
_ATTRIBUTE_FIELDS = {1: "f", 2: "i", 3: "s", 7: "ints"}


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """An input or output of a graph.

    Attributes:
        name: of the tensor.
        dtype: of its numbers.
        shape: its axes, each a number or the name of a free axis ("" where it has no name); None
            where the file does not say how many axes there are.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What a model file holds.

    Attributes:
        ir_version: of the file format.
        opset: the version of ONNX's operators.
        inputs: in the file's order.
        outputs: in the file's order.
        initializers: the names of the stored tensors.
        operators: how many nodes there are of each operator.
        reachable_inputs: for each output the inputs that its numbers may depend on. There may be
            too many of them but never too few: a node's outputs count as depending on all of its
            inputs, unless they follow from sizes alone.
        shapes: of every computed value, for one frame.
        work: about how many multiplications and additions one frame takes.
    """

    ir_version: int
    opset: int
    inputs: tuple[ValueFacts, ...]
    outputs: tuple[ValueFacts, ...]
    initializers: frozenset[str]
    operators: Mapping[str, int]
    reachable_inputs: Mapping[str, frozenset[str]]
    shapes: Mapping[str, tuple[int, ...]]
    work: int


def read_graph(model: bytes, what: str = "model.onnx") -> GraphFacts:
    """Read an ONNX model.

    Args:
        model: its bytes.
        what: names it in messages.

    Raises:
        BundleError: it is too large, truncated, no ONNX, inconsistent, or holds what no export of
            auxdrive does. No bytes whatever raise another exception.
    """
    reader = WireReader(what)
    if len(model) > MAX_MODEL_BYTES:
        reader.fail(f"is {len(model)} bytes long, more than the limit of {MAX_MODEL_BYTES}")
    return _ModelReader(reader).read(memoryview(model))


class _ModelReader:
    """Reads one model, in a single pass over its nodes."""

    def __init__(self, wire: WireReader) -> None:
        self.wire = wire

    def read(self, data: memoryview) -> GraphFacts:
        model = self.wire.read(data, schema.MODEL)
        if "graph" not in model:
            self.wire.fail("holds no graph")
        ir_version = model.get("ir_version", 0)
        if ir_version not in IR_VERSIONS:
            self.wire.fail(
                f"has the format version {ir_version}, known are {IR_VERSIONS.start} to "
                f"{IR_VERSIONS.stop - 1}"
            )
        self._check_opset(
            [self.wire.read(entry, schema.OPSET) for entry in model.get("opset_import", [])]
        )
        graph = self.wire.read(model["graph"], schema.GRAPH)
        if not graph.get("name", ""):
            self.wire.fail("holds a graph without a name")
        inputs, outputs = self._values(graph, "input"), self._values(graph, "output")
        if len(graph.get("node", [])) > MAX_NODES:
            self.wire.fail(f"holds more than {MAX_NODES} nodes")
        trace = Trace(self.wire.fail)
        for value in inputs:
            trace.add_input(value.name, value.dtype, self._one_frame(value))
        initializers = [self._tensor(tensor, trace) for tensor in graph.get("initializer", [])]
        nodes = [self._node(node) for node in graph.get("node", [])]
        for node in nodes:
            trace.run(node)
        self._compare(outputs, trace, complete=True)
        self._compare(self._infos(graph), trace, complete=False)
        return GraphFacts(
            ir_version=ir_version,
            opset=OPSET,
            inputs=inputs,
            outputs=outputs,
            initializers=frozenset(initializers),
            operators=dict(Counter(node.operator for node in nodes)),
            reachable_inputs={value.name: trace.inputs_of(value.name) for value in outputs},
            shapes={name: value.shape for name, value in trace.values.items()},
            work=trace.work,
        )

    def _check_opset(self, imports: list[dict[str, Any]]) -> None:
        named = [
            f"{entry.get('domain', '') or 'ai.onnx'} {entry.get('version', 0)}" for entry in imports
        ]
        if [(entry.get("domain", ""), entry.get("version", 0)) for entry in imports] != [
            ("", OPSET)
        ]:
            self.wire.fail(
                f"uses the operators of {', '.join(named[:5]) or 'nobody'}, and exports those of "
                f"ai.onnx {OPSET} alone"
            )

    def _values(self, graph: dict[str, Any], kind: str) -> tuple[ValueFacts, ...]:
        messages = graph.get(kind, [])
        if not 0 < len(messages) <= MAX_VALUES:
            self.wire.fail(f"has {len(messages)} {kind}s, and 1 to {MAX_VALUES} are read")
        values = tuple(self._value_info(message) for message in messages)
        if len({value.name for value in values}) != len(values):
            self.wire.fail(f"has two {kind}s of one name")
        return values

    def _infos(self, graph: dict[str, Any]) -> tuple[ValueFacts, ...]:
        messages = graph.get("value_info", [])
        if len(messages) > 4 * MAX_NODES:
            self.wire.fail("says the types of more values than it can have")
        return tuple(self._value_info(message) for message in messages)

    def _one_frame(self, value: ValueFacts) -> tuple[int, ...]:
        """An input's shape for one frame; only the first axis may be free."""
        if not value.shape or value.dtype not in INPUT_TYPES:
            self.wire.fail(
                f"the input '{value.name}' is {value.dtype} {value.shape}; inputs are "
                f"{' or '.join(INPUT_TYPES)} with axes"
            )
        batch, *others = value.shape
        if not all(isinstance(axis, int) and axis > 0 for axis in others) or not (
            isinstance(batch, str) or batch > 0
        ):
            self.wire.fail(
                f"the input '{value.name}' is {value.shape}; only its first axis may be free"
            )
        return (1 if isinstance(batch, str) else batch, *(int(axis) for axis in others))

    def _compare(self, values: tuple[ValueFacts, ...], trace: Trace, complete: bool) -> None:
        """Compare the shapes and types that the file declares with those that its nodes compute. A
        runtime may plan its memory by either, so they must agree.

        Args:
            values: that are declared.
            trace: of the nodes.
            complete: whether every declaration must have a shape.
        """
        for said in values:
            found = trace.values.get(said.name)
            if found is None:
                self.wire.fail(f"the value '{said.name}' is declared and computed by no node")
            shape = said.shape
            if shape is None and not complete:
                shape = found.shape
            # A named axis fits any size: exporters give names not only to the axis of frames but
            # also to others whose sizes were computed.
            fits = (
                shape is not None
                and len(shape) == len(found.shape)
                and all(
                    isinstance(axis, str) or axis == size
                    for axis, size in zip(shape, found.shape, strict=True)
                )
            )
            if said.dtype != found.dtype or not fits:
                self.wire.fail(
                    f"the value '{said.name}' is declared as {said.dtype} {said.shape} and is "
                    f"{found.dtype} {found.shape}"
                )

    def _node(self, data: memoryview) -> Node:
        node = self.wire.read(data, schema.NODE)
        attributes: dict[str, Any] = {}
        for message in node.get("attribute", []):
            name, value = self._attribute(message)
            if name in attributes:
                self.wire.fail(f"a node has the attribute '{name}' twice")
            attributes[name] = value
        if node.get("domain", ""):
            self.wire.fail(
                f"uses {node['domain']}::{node.get('op_type', '')}: custom operators are not run, "
                "ONNX's own alone"
            )
        return Node(
            node.get("op_type", ""),
            tuple(node.get("input", [])),
            tuple(node.get("output", [])),
            attributes,
        )

    def _attribute(self, data: memoryview) -> tuple[str, Any]:
        attribute = self.wire.read(data, schema.ATTRIBUTE)
        name, kind = attribute.get("name", ""), attribute.get("type", 0)
        field = _ATTRIBUTE_FIELDS.get(kind)
        held = attribute.keys() & {*_ATTRIBUTE_FIELDS.values()}
        # An empty list is written as no field at all.
        if field is None or not name or (held != {field} and not (field == "ints" and not held)):
            self.wire.fail(
                f"the attribute '{name}' holds {', '.join(sorted(held)) or 'nothing'} and says "
                f"that its type is {kind}"
            )
        return str(name), tuple(attribute.get("ints", [])) if field == "ints" else attribute[field]

    def _tensor(self, data: memoryview, trace: Trace) -> str:
        """Read a stored tensor, which must have a type that exports use and exactly as much data as
        its axes say.

        Args:
            data: the message.
            trace: to which it is added.

        Returns:
            Its name.
        """
        tensor = self.wire.read(data, schema.TENSOR)
        name, dims = tensor.get("name", ""), tuple(tensor.get("dims", []))
        dtype = ELEMENT_TYPES.get(tensor.get("data_type", 0), f"type{tensor.get('data_type', 0)}")
        if tensor.get("data_location", 0) != 0:
            self.wire.fail(f"the tensor '{name}' lies in another file")
        if (
            dtype not in STORED_TYPES
            or len(dims) > 8
            or any(not 0 < axis < 1 << 31 for axis in dims)
        ):
            self.wire.fail(
                f"the tensor '{name}' is {dtype} {dims[:9]}; stored are {', '.join(STORED_TYPES)} "
                "without empty axes"
            )
        held = tensor.keys() & {"raw_data", *_DATA_FIELDS.values()}
        if held != {"raw_data"} and held != {_DATA_FIELDS.get(dtype)}:
            self.wire.fail(
                f"the tensor '{name}' of {dtype} holds {', '.join(sorted(held)) or 'nothing'}"
            )
        count = math.prod(dims)
        if "raw_data" in held:
            stored = len(tensor["raw_data"]) / np.dtype(dtype).itemsize
        else:
            stored = tensor["float_data"] if dtype == "float32" else len(tensor["int64_data"])
        if stored != count:
            self.wire.fail(f"the tensor '{name}' of {dims} holds {stored:g} values and not {count}")
        known = None
        if dtype == "int64" and count <= MAX_KNOWN:
            flat = (
                np.frombuffer(tensor["raw_data"], "<i8")
                if "raw_data" in held
                else np.array(tensor["int64_data"], np.int64)
            )
            known = flat.astype(np.int64).reshape(dims)
        trace.add_stored(name, Value(dtype, dims, known))
        return str(name)

    def _value_info(self, data: memoryview) -> ValueFacts:
        info = self.wire.read(data, schema.VALUE_INFO)
        name = info.get("name", "")
        kind = self.wire.read(info.get("type", memoryview(b"")), schema.TYPE)
        if "tensor_type" not in kind:
            self.wire.fail(f"the value '{name}' has no type")
        tensor = self.wire.read(kind["tensor_type"], schema.TENSOR_TYPE)
        code = tensor.get("elem_type", 0)
        shape = None
        if "shape" in tensor:
            dims = self.wire.read(tensor["shape"], schema.SHAPE).get("dim", [])
            shape = tuple(self._axis(self.wire.read(dim, schema.DIMENSION), name) for dim in dims)
        return ValueFacts(name, ELEMENT_TYPES.get(code, f"type{code}"), shape)

    def _axis(self, dimension: dict[str, Any], name: str) -> int | str:
        """The size or name of an axis. A file with both is refused: protobuf would take the last,
        as the two exclude each other (a oneof).
        """
        if len(dimension) > 1:
            self.wire.fail(f"an axis of '{name}' has a size and a name")
        axis: int | str = dimension.get("dim_value", dimension.get("dim_param", ""))
        return axis
