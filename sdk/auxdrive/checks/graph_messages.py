"""The messages of an ONNX graph: nodes, attributes, stored tensors and declared values, each read
with a check of what it may be by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from auxdrive.checks import schema
from auxdrive.checks.operators import Node
from auxdrive.checks.values import MAX_KNOWN, Value
from auxdrive.checks.wire import WireReader
from auxdrive.types import AnyArray

# TensorProto.DataType, by names that NumPy knows. Others are called "type<number>".
ELEMENT_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
STORED_TYPES = ("float32", "float16", "int64", "int8", "uint8")
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


class MessageReader:
    """Reads the messages of a graph.

    Args:
        wire: reads the fields, and refuses the file.
    """

    def __init__(self, wire: WireReader) -> None:
        self.wire = wire

    def node(self, data: memoryview) -> Node:
        """Read a node."""
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

    def tensor(self, data: memoryview) -> tuple[str, Value]:
        """Read a stored tensor, which must have a type that exports use and exactly as much data as
        its axes say.

        Returns:
            Its name, and the tensor.
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
        stored = _stored_numbers(tensor, dtype)
        if stored != count:
            self.wire.fail(f"the tensor '{name}' of {dims} holds {stored:g} values and not {count}")
        known = None
        if dtype == "int64" and count <= MAX_KNOWN:
            known = _whole_numbers(tensor).reshape(dims)
        return str(name), Value(dtype, dims, known)

    def value_info(self, data: memoryview) -> ValueFacts:
        """Read the declaration of a value."""
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


def _stored_numbers(tensor: dict[str, Any], dtype: str) -> float:
    """How many numbers a stored tensor holds; with raw bytes perhaps no whole number of them."""
    if "raw_data" in tensor:
        return len(tensor["raw_data"]) / np.dtype(dtype).itemsize
    # of a list of floats the reader keeps only how many there are
    return tensor["float_data"] if dtype == "float32" else len(tensor["int64_data"])


def _whole_numbers(tensor: dict[str, Any]) -> AnyArray:
    """The numbers of a stored tensor of int64, one after the other."""
    if "raw_data" in tensor:
        return np.frombuffer(tensor["raw_data"], "<i8").astype(np.int64)
    return np.array(tensor["int64_data"], np.int64)
