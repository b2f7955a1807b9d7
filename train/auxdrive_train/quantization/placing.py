"""Where an int8 graph rounds its maps: the rule, for graphs of ONNX and for networks of torch.

Where a pair Q, DQ stands decides whether a runtime computes in int8. After a layer and its Relu
(not between them) stands one; on both inputs of a residual sum and after it; on both sides of a
MaxPool, with one scale. So TensorRT and OpenVINO join Conv, Relu and Q, and ONNX Runtime finds
QLinearConv and QLinearAdd (with `auxdrive.runtimes.unsigned`). `benchmarks/quantizers.py` compares
this with NNCF and onnxruntime.quantization.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

HEAVY_SHARE = 0.01
"""The least share of a graph's multiplications from which on a layer other than a convolution is
written in a lower precision. Smaller ones gain no time, and the last layers, which make metres and
radians, are among them.
"""
LAYERS = ("Conv", "Gemm", "MatMul")
"""Operators with stored weights, as ONNX calls them."""


class ComputedGraph(Protocol):
    """A network as a graph. Its nodes have what ONNX's have: `op_type`, `input` and `output`."""

    @property
    def nodes(self) -> Sequence[Any]:
        """The nodes, in the order in which they are computed."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the values, for one frame."""

    @property
    def outputs(self) -> Collection[str]:
        """The values that the graph gives."""

    @property
    def maker(self) -> Mapping[str, Any]:
        """The node that computes each value; what is stored or given has none."""

    @property
    def users(self) -> Mapping[str, list[Any]]:
        """The nodes that take each value."""


class Placing:
    """Where pairs of Q and DQ stand.

    Args:
        graph: in float32.
        layers: the outputs of the layers that compute in int8.

    Attributes:
        layers: those of them that can: their input is computed and no output of the graph.
        scale_of: for each quantised map the one that gives its scale: itself, or the map that went
            into the MaxPool.
    """

    def __init__(self, graph: ComputedGraph, layers: Collection[str]) -> None:
        self.graph = graph
        self.layers: set[str] = set()
        self.scale_of: dict[str, str] = {}
        for node in graph.nodes:
            if node.output[0] in layers and node.input[0] in graph.maker:
                self.layers.add(node.output[0])
                self._at(node.input[0])
                if node.op_type == "Conv":
                    self._at(self.end_of(node))
            elif node.op_type == "MaxPool" and node.input[0] in self.scale_of:
                self._at(node.output[0], self.scale_of[node.input[0]])
            elif self._is_residual(node):
                for name in (*node.input, self.end_of(node)):
                    self._at(name)

    @property
    def measured(self) -> list[str]:
        """The maps whose ranges must be measured."""
        return [name for name, like in self.scale_of.items() if name == like]

    def _at(self, name: str, like: str = "") -> None:
        if name not in self.graph.outputs:
            self.scale_of.setdefault(name, like or name)

    def end_of(self, node: Any) -> str:
        """The output of a node, or of the Relu that alone uses it."""
        name: str = node.output[0]
        users = self.graph.users[name]
        alone = len(users) == 1 and users[0].op_type == "Relu" and name not in self.graph.outputs
        return str(users[0].output[0]) if alone else name

    def _is_residual(self, node: Any) -> bool:
        """Whether it adds two maps, one of which an int8 layer has just made."""
        if node.op_type != "Add" or any(name not in self.graph.maker for name in node.input):
            return False
        shapes = [self.graph.shapes[name] for name in node.input]
        return shapes[0] == shapes[1] and any(name in self.scale_of for name in node.input)


def heavy_of(works: Mapping[str, int], convolutions: Collection[str]) -> list[str]:
    """The convolutions and those other layers that make up the work.

    Args:
        works: how many multiplications each layer takes for one frame, by the name of its output,
            in the graph's order.
        convolutions: the layers that are convolutions.
    """
    least = HEAVY_SHARE * sum(works.values())
    return [name for name, work in works.items() if work >= least or name in convolutions]
