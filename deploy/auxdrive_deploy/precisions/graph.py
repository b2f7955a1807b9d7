"""What is common to writing a graph in another precision: which layers are heavy, who makes and who
uses a tensor.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
from auxdrive.checks.graph_reader import read_graph
from auxdrive.types import AnyArray
from auxdrive_train.quantization.placing import LAYERS, heavy_of


class Graph:
    """A student's graph that is rewritten. Its nodes, tensors and names are looked up here.

    What the prediction does not need, such as the out-of-distribution score, stays in float32 and
    decides nothing: the prediction is computed as in a graph without it.

    Args:
        model: its bytes, ONNX; the prediction is its first output.

    Attributes:
        predicting: the nodes that the prediction needs, in their order.
        users: of these, those that use a value, by its name.
    """

    def __init__(self, model: bytes) -> None:
        self.model = onnx.load_from_string(model)
        self.shapes = dict(read_graph(model).shapes)
        graph = self.model.graph
        del graph.value_info[:]
        self.stored = {each.name: each for each in graph.initializer}
        self.outputs = {each.name for each in graph.output}
        self.maker = {name: node for node in graph.node for name in node.output}
        self.users: dict[str, list[Any]] = defaultdict(list)
        self.predicting = _needed(graph.node, {graph.output[0].name})
        for node in self.predicting:
            for name in dict.fromkeys(node.input):
                self.users[name].append(node)

    @property
    def nodes(self) -> list[Any]:
        """The nodes in their order."""
        return list(self.model.graph.node)

    def array(self, name: str) -> AnyArray:
        """A stored tensor."""
        return onnx.numpy_helper.to_array(self.stored[name])

    def weights_of(self, layer: str) -> str:
        """The name of a layer's weights, which says most to people.

        Args:
            layer: the name of its output.
        """
        return str(self.maker[layer].input[1])

    def add(self, name: str, array: AnyArray) -> str:
        """Store a tensor, once.

        Args:
            name: under which it is stored.
            array: its numbers.

        Returns:
            The name.
        """
        if name not in self.stored:
            self.stored[name] = onnx.numpy_helper.from_array(np.asarray(array), name)
        return name

    def layers(self) -> dict[str, int]:
        """The prediction's layers with stored weights (Conv, Gemm, MatMul), by the name of their
        output, which is the only one that every node has; and how many multiplications each takes
        for one frame.
        """
        return {node.output[0]: work for node, work in self._works()}

    def heavy(self) -> list[str]:
        """The convolutions and those other layers that make up the work, by the names of their
        outputs, in the graph's order.
        """
        convolutions = {node.output[0] for node in self.nodes if node.op_type == "Conv"}
        return heavy_of(self.layers(), convolutions)

    def _works(self) -> Iterator[tuple[Any, int]]:
        for node in self.predicting:
            if node.op_type not in LAYERS or node.input[1] not in self.stored:
                continue
            weight = tuple(self.stored[node.input[1]].dims)
            per_output = math.prod(weight) // weight[weight_axis(node)]
            yield node, math.prod(self.shapes[node.output[0]]) * per_output

    def written(self, nodes: list[Any]) -> bytes:
        """The bytes of the graph with other nodes, less what no output needs.

        Args:
            nodes: in an order in which they can be computed.
        """
        used = set(self.outputs)
        kept_nodes = _needed(nodes, used)
        graph = self.model.graph
        del graph.node[:]
        graph.node.extend(kept_nodes)
        kept = [each for name, each in self.stored.items() if name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)
        onnx.checker.check_model(self.model, full_check=True)
        return cast(bytes, self.model.SerializeToString(deterministic=True))


def _needed(nodes: Sequence[Any], used: set[str]) -> list[Any]:
    """The nodes that some values need, in their order. The names of all values that these use are
    added to `used`.
    """
    found = []
    for node in reversed(nodes):
        if used.intersection(node.output):
            used.update(node.input)
            found.append(node)
    return found[::-1]


def weight_axis(node: Any) -> int:
    """The axis of a layer's weights that numbers its outputs."""
    if node.op_type == "Gemm":
        return 0 if attribute(node, "transB", 0) else 1
    return 0 if node.op_type == "Conv" else 1


def attribute(node: Any, name: str, default: Any) -> Any:
    """An attribute of a node.

    Args:
        node: of the graph.
        name: of the attribute, as ONNX calls it.
        default: where it is left out.
    """
    found = [each for each in node.attribute if each.name == name]
    return onnx.helper.get_attribute_value(found[0]) if found else default


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """A copy of a node that takes other inputs.

    Args:
        node: of the graph.
        names: the new name of each input that has one.
    """
    made = onnx.NodeProto()
    made.CopyFrom(node)
    del made.input[:]
    made.input.extend(names.get(name, name) for name in node.input)
    return made
