"""What an ONNX file holds, read without the onnx package (the vehicle has none) and without trust in the file.

`read_graph` answers what `auxdrive verify` has to prove: which inputs and outputs a model has, which inputs each output
depends on, whether a tensor lives in another file, and which operators run. Field numbers are those of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from auxdrive.checks.wire import WireReader

MAX_MODEL_BYTES = 1 << 30
MAX_NODES = 200_000
MAX_SUBGRAPH_DEPTH = 16

# TensorProto.DataType, as names that numpy knows; other numbers stay "type<number>".
ELEMENT_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """An input or output. A `shape` entry is a number or the name of a free axis ("" where it has none); None: not a tensor
    or of unknown rank."""

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What stands in a model.

    Attributes:
        ir_version: of the file. opsets: domain -> version ("" is ONNX's own domain).
        inputs: every graph input, those with a default (an initializer of the same name) included. outputs: in order.
        initializers: names of the stored tensors of the main graph.
        external_tensors: tensors anywhere in the model whose data is said to be in another file.
        operators: (domain, operator) -> how many nodes, subgraphs and function bodies included.
        functions: (domain, name) of functions that the model itself defines.
        subgraph_depth: 0 without control flow.
        reachable_inputs: output -> the inputs that it may depend on. Never too few: a node's outputs are taken to depend on
            all of its inputs and on every name that its subgraphs use.
    """

    ir_version: int
    opsets: Mapping[str, int]
    inputs: tuple[ValueFacts, ...]
    outputs: tuple[ValueFacts, ...]
    initializers: frozenset[str]
    external_tensors: tuple[str, ...]
    operators: Mapping[tuple[str, str], int]
    functions: frozenset[tuple[str, str]]
    subgraph_depth: int
    reachable_inputs: Mapping[str, frozenset[str]]

    def custom_operators(self) -> tuple[str, ...]:
        """Operators outside ONNX's own domain that the model does not define itself, as "domain::name"."""
        return tuple(sorted(f"{d}::{op}" for d, op in self.operators if d not in ("", "ai.onnx") and (d, op) not in self.functions))


def read_graph(model: bytes, what: str = "model.onnx") -> GraphFacts:
    """Read the facts of a serialized ONNX model.

    Raises:
        BundleError: too large, truncated, not ONNX, or inconsistent; never another exception, whatever the bytes.
    """
    reader = WireReader(what)
    if len(model) > MAX_MODEL_BYTES:
        raise reader.fail(f"is {len(model)} bytes long, more than the limit of {MAX_MODEL_BYTES}")
    return _ModelReader(reader).read(memoryview(model))


@dataclass(slots=True)
class _Node:
    """Names that a node needs: `inputs` of its own, `outer` those that its subgraphs use, whoever defines them."""

    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Graph:
    nodes: list[_Node] = field(default_factory=list)
    inputs: list[ValueFacts] = field(default_factory=list)
    outputs: list[ValueFacts] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)

    def names_used(self) -> set[str]:
        used = {value.name for value in self.outputs}
        for node in self.nodes:
            used.update(node.inputs, node.outer)
        return used


class _ModelReader:
    """One pass over one model. Repeated occurrences of a field that stands once are refused: protobuf merges them, and a
    reader that did otherwise would see another model than the runtime."""

    def __init__(self, reader: WireReader) -> None:
        self.wire = reader
        self.operators: Counter[tuple[str, str]] = Counter()
        self.functions: set[tuple[str, str]] = set()
        self.external: list[str] = []
        self.depth = 0

    def read(self, model: memoryview) -> GraphFacts:
        ir_version, graph, opsets = 0, None, dict[str, int]()
        for number, _, value in self.wire.fields(model):
            if number == 1:
                ir_version = self.wire.integer(value)
            elif number == 7:
                graph = self._once(graph, value, "graph")
            elif number == 8:
                domain, version = self._opset(self.wire.message(value))
                opsets[domain] = version
            elif number == 20:
                raise self.wire.fail("holds training graphs (training_info), which a deployed model has no use for")
            elif number == 25:
                self._function(self.wire.message(value))
        if graph is None or ir_version < 1:
            raise self.wire.fail("holds no graph" if graph is None else f"ir_version {ir_version} does not exist")
        main = self._graph(graph, 0)
        return GraphFacts(
            ir_version=ir_version,
            opsets=opsets,
            inputs=tuple(main.inputs),
            outputs=tuple(main.outputs),
            initializers=frozenset(main.initializers),
            external_tensors=tuple(self.external),
            operators=dict(self.operators),
            functions=frozenset(self.functions),
            subgraph_depth=self.depth,
            reachable_inputs=self._reachable(main),
        )

    def _once(self, earlier: memoryview | None, value: int | memoryview, what: str) -> memoryview:
        if earlier is not None:
            raise self.wire.fail(f"holds '{what}' twice where one is allowed")
        return self.wire.message(value)

    def _opset(self, message: memoryview) -> tuple[str, int]:
        domain, version = "", 0
        for number, _, value in self.wire.fields(message):
            if number == 1:
                domain = self.wire.text(value)
            elif number == 2:
                version = self.wire.integer(value)
        return domain, version

    def _function(self, message: memoryview) -> None:
        name, domain = "", ""
        for number, _, value in self.wire.fields(message):
            if number == 1:
                name = self.wire.text(value)
            elif number == 7:
                self._node(self.wire.message(value), 1)
            elif number == 10:
                domain = self.wire.text(value)
        self.functions.add((domain, name))

    def _graph(self, message: memoryview, depth: int) -> _Graph:
        if depth > MAX_SUBGRAPH_DEPTH:
            raise self.wire.fail(f"subgraphs are nested deeper than {MAX_SUBGRAPH_DEPTH}")
        self.depth = max(self.depth, depth)
        graph = _Graph()
        for number, _, value in self.wire.fields(message):
            if number == 1:
                graph.nodes.append(self._node(self.wire.message(value), depth))
            elif number == 5:
                graph.initializers.add(self._tensor(self.wire.message(value)))
            elif number == 15:
                graph.initializers.add(self._sparse_tensor(self.wire.message(value)))
            elif number == 11:
                graph.inputs.append(self._value_info(self.wire.message(value)))
            elif number == 12:
                graph.outputs.append(self._value_info(self.wire.message(value)))
        return graph

    def _node(self, message: memoryview, depth: int) -> _Node:
        node, operator, domain = _Node(), "", ""
        for number, _, value in self.wire.fields(message):
            if number == 1:
                node.inputs.append(self.wire.text(value))
            elif number == 2:
                node.outputs.append(self.wire.text(value))
            elif number == 4:
                operator = self.wire.text(value)
            elif number == 5:
                self._attribute(self.wire.message(value), node, depth)
            elif number == 7:
                domain = self.wire.text(value)
        if not operator:
            raise self.wire.fail("a node has no operator")
        self.operators[domain, operator] += 1
        if self.operators.total() > MAX_NODES:
            raise self.wire.fail(f"holds more than {MAX_NODES} nodes")
        return node

    def _attribute(self, message: memoryview, node: _Node, depth: int) -> None:
        single: dict[int, memoryview] = {}
        for number, _, value in self.wire.fields(message):
            if number in (5, 6, 22):
                single[number] = self._once(single.get(number), value, "attribute value")
            if number in (5, 10):
                self._tensor(self.wire.message(value))
            elif number in (22, 23):
                self._sparse_tensor(self.wire.message(value))
            elif number in (6, 11):
                node.outer |= self._graph(self.wire.message(value), depth + 1).names_used()

    def _tensor(self, message: memoryview) -> str:
        name, external = "", False
        for number, _, value in self.wire.fields(message):
            if number == 8:
                name = self.wire.text(value)
            elif number == 13 or (number == 14 and self.wire.integer(value, 32) != 0):
                external = True
        if external:
            self.external.append(name)
        return name

    def _sparse_tensor(self, message: memoryview) -> str:
        name = ""
        for number, _, value in self.wire.fields(message):
            if number == 1:
                name = self._tensor(self.wire.message(value))
            elif number == 2:
                self._tensor(self.wire.message(value))
        return name

    def _value_info(self, message: memoryview) -> ValueFacts:
        name, type_proto = "", None
        for number, _, value in self.wire.fields(message):
            if number == 1:
                name = self.wire.text(value)
            elif number == 2:
                type_proto = self._once(type_proto, value, "type")
        tensor = None
        for number, _, value in self.wire.fields(type_proto) if type_proto is not None else ():
            if number == 1:
                tensor = self._once(tensor, value, "tensor type")
        if tensor is None:
            return ValueFacts(name, "not a tensor", None)
        dtype, shape = "type0", None
        for number, _, value in self.wire.fields(tensor):
            if number == 1:
                code = self.wire.integer(value, 32)
                dtype = ELEMENT_TYPES.get(code, f"type{code}")
            elif number == 2:
                shape = self._once(shape, value, "shape")
        return ValueFacts(name, dtype, None if shape is None else self._shape(shape))

    def _shape(self, message: memoryview) -> tuple[int | str, ...]:
        axes: list[int | str] = []
        for number, _, value in self.wire.fields(message):
            if number != 1:
                continue
            axis: int | str = ""
            for key, _, entry in self.wire.fields(self.wire.message(value)):
                if key == 1:
                    axis = self.wire.integer(entry)
                elif key == 2:
                    axis = self.wire.text(entry)
            axes.append(axis)
        return tuple(axes)

    def _reachable(self, graph: _Graph) -> dict[str, frozenset[str]]:
        """Walk from each output towards the inputs."""
        inputs = {value.name for value in graph.inputs}
        producer: dict[str, _Node] = {}
        for node in graph.nodes:
            for name in filter(None, node.outputs):
                if name in producer or name in inputs or name in graph.initializers:
                    raise self.wire.fail(f"the value '{name}' has two sources")
                producer[name] = node
        for node in graph.nodes:
            for name in filter(None, node.inputs):
                if name not in producer and name not in inputs and name not in graph.initializers:
                    raise self.wire.fail(f"the value '{name}' is used and comes from nowhere")
        return {output.name: self._inputs_of(output.name, inputs, producer, graph.initializers) for output in graph.outputs}

    def _inputs_of(self, output: str, inputs: set[str], producer: dict[str, _Node], initializers: set[str]) -> frozenset[str]:
        if output not in producer and output not in inputs and output not in initializers:
            raise self.wire.fail(f"the output '{output}' is computed by no node")
        seen, waiting, found = {output}, [output], set[str]()
        while waiting:
            name = waiting.pop()
            if name in inputs:
                found.add(name)
            node = producer.get(name)
            if node is None:
                continue
            new = ({*node.inputs} | node.outer) - seen
            seen |= new
            waiting.extend(new)
        return frozenset(found)
