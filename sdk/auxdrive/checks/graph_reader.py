"""Reading ONNX files without the onnx package, which the vehicle does not have, and without trust
in the file.

`read_graph` accepts only graphs like those of auxdrive's exports: a single graph, operators of ONNX
from one list (`operators`), every tensor stored in the file, and sizes and indices that follow from
the size of the image alone. Everything else is refused: local functions, control flow, sequences,
custom domains, data in other files, metadata, unknown fields. It gives what `auxdrive verify` must
prove: the inputs, the outputs, and which inputs each output depends on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auxdrive.checks import schema
from auxdrive.checks.graph_messages import MessageReader, ValueFacts
from auxdrive.checks.operators import ADDS_BYTES, OPSET, Node
from auxdrive.checks.sizes import Trace
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

INPUT_TYPES = ("uint8", "float32")


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
        types: the types of all values, less the stored ones that only add up bytes.
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
    types: frozenset[str]
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
        self.messages = MessageReader(wire)

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
        initializers = set()
        for message in graph.get("initializer", []):
            name, stored = self.messages.tensor(message)
            trace.add_stored(name, stored)
            initializers.add(name)
        nodes = [self.messages.node(message) for message in graph.get("node", [])]
        for node in nodes:
            trace.run(node)
        adding = _only_add_up(initializers, nodes)
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
            types=frozenset(
                value.dtype for name, value in trace.values.items() if name not in adding
            ),
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
        values = tuple(self.messages.value_info(message) for message in messages)
        if len({value.name for value in values}) != len(values):
            self.wire.fail(f"has two {kind}s of one name")
        return values

    def _infos(self, graph: dict[str, Any]) -> tuple[ValueFacts, ...]:
        messages = graph.get("value_info", [])
        if len(messages) > 4 * MAX_NODES:
            self.wire.fail("says the types of more values than it can have")
        return tuple(self.messages.value_info(message) for message in messages)

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


def _only_add_up(stored: Collection[str], nodes: Sequence[Node]) -> set[str]:
    """The stored tensors that only add up an image's bytes.

    Args:
        stored: the names of all.
        nodes: of the graph.
    """
    others = {name for node in nodes if node.operator != ADDS_BYTES for name in node.inputs}
    return {name for node in nodes for name in node.inputs if name in stored} - others
