"""A graph in static int8: the heavy layers compute with whole numbers of 8 bits, weights per output
channel and maps per tensor, both symmetric about zero (QDQ form, ONNX's QuantizeLinear and
DequantizeLinear). Biases stay in float32: TensorRT takes no others.

Where a pair Q, DQ stands decides whether a runtime computes in int8. After a layer and its Relu
(not between them) stands one; on both inputs of a residual sum and after it; on both sides of a
MaxPool, with one scale. So TensorRT and OpenVINO join Conv, Relu and Q, and ONNX Runtime finds
QLinearConv and QLinearAdd (with `auxdrive.runtimes.unsigned`). `benchmarks/quantizers.py` compares
this with NNCF and onnxruntime.quantization.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-
Only Inference" (the form); Nagel et al. 2021, "A White Paper on Neural Network Quantization"
(symmetric, ranges of least squared error).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx
from auxdrive.precisions import ZERO, ZERO_OF_RELU
from auxdrive.types import AnyArray

from auxdrive_deploy.precisions.graph import Graph, renamed, weight_axis

LARGEST = 127
"""The largest whole number; -127 is the least weight, so that weights are symmetric."""
LEAST_SCALE = 1e-12


def quantised_maps(model: bytes, layers: Collection[str]) -> list[str]:
    """The names of the maps that an int8 graph quantises, whose ranges must be measured.

    Args:
        model: the graph's bytes in float32.
        layers: the outputs of the layers that compute in int8.
    """
    return [name for name, like in _Placing(Graph(model), layers).scale_of.items() if name == like]


def to_int8(model: bytes, layers: Collection[str], largest: Mapping[str, float]) -> bytes:
    """The graph in int8. The same arguments give the same bytes.

    Args:
        model: the graph's bytes in float32.
        layers: the outputs of the layers that compute in int8.
        largest: for each of `quantised_maps` the absolute value that 127 stands for; what is larger
            is cut.
    """
    graph = Graph(model)
    placing = _Placing(graph, layers)
    names: dict[str, str] = {}
    nodes: list[Any] = []
    left_in_float = graph.layers().keys() - placing.layers
    for node in graph.nodes:
        # A layer that stays in float32 is given the map before it is rounded. ONNX Runtime would
        # otherwise find it between two quantised maps and quantise its weights itself.
        made = renamed(node, {} if node.output[0] in left_in_float else names)
        if node.output[0] in placing.layers:
            made.input[1] = _weights(graph, node, nodes)
        nodes.append(made)
        for name in node.output:
            if name in placing.scale_of:
                names[name] = _pair(graph, placing, name, largest, nodes)
    return graph.written(nodes)


class _Placing:
    """Where pairs of Q and DQ stand.

    Args:
        graph: in float32.
        layers: the outputs of the layers that compute in int8.

    Attributes:
        layers: those of them that can: their input is computed and no output of the graph.
        scale_of: for each quantised map the one that gives its scale: itself, or the map that went
            into the MaxPool.
    """

    def __init__(self, graph: Graph, layers: Collection[str]) -> None:
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


def _pair(
    graph: Graph, placing: _Placing, name: str, largest: Mapping[str, float], nodes: list[Any]
) -> str:
    """Append Q and DQ of a map; the name of what DQ gives."""
    like = placing.scale_of[name]
    scale = graph.add(
        f"{like}_scale", np.array(max(largest[like] / LARGEST, LEAST_SCALE), np.float32)
    )
    positive = graph.maker[like].op_type == "Relu"
    zero = graph.add(ZERO_OF_RELU if positive else ZERO, np.array(0, np.int8))
    made = {"QuantizeLinear": f"{name}_int8", "DequantizeLinear": f"{name}_of_int8"}
    given = name
    for operator, output in made.items():
        nodes.append(
            onnx.helper.make_node(operator, [given, scale, zero], [output], f"{operator}_{name}")
        )
        given = output
    return given


def _weights(graph: Graph, node: Any, nodes: list[Any]) -> str:
    """Store a layer's weights in int8, and append their DQ; the name of what it gives."""
    name, axis = node.input[1], weight_axis(node)
    output = f"{name}_of_int8"
    if any(output in each.output for each in nodes):  # of a layer that is used again
        return output
    whole, scales = quantised_weights(graph.array(name), axis)
    given = [graph.add(f"{name}_int8", whole), graph.add(f"{name}_scale", scales)]
    nodes.append(
        onnx.helper.make_node(
            "DequantizeLinear", given, [output], f"DequantizeLinear_{name}", axis=axis
        )
    )
    return output


def quantised_weights(weights: AnyArray, axis: int) -> tuple[AnyArray, AnyArray]:
    """Weights as whole numbers, symmetric, with a scale for each output.

    Args:
        weights: float32.
        axis: that numbers the outputs.

    Returns:
        int8 of the same shape, and float32 with one number for each output.
    """
    others = tuple(place for place in range(weights.ndim) if place != axis)
    scales = np.maximum(np.abs(weights).max(axis=others) / LARGEST, LEAST_SCALE).astype(np.float32)
    shape = [1] * weights.ndim
    shape[axis] = -1
    whole = np.rint(weights / scales.reshape(shape)).clip(-LARGEST, LARGEST)
    return whole.astype(np.int8), scales
