"""A graph in static int8: the heavy layers compute with whole numbers of 8 bits, weights per output
channel and maps per tensor, both symmetric about zero (QDQ form, ONNX's QuantizeLinear and
DequantizeLinear). Biases stay in float32: TensorRT takes no others. Where a pair stands says
`auxdrive_train.quantization.placing`.

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
from auxdrive_train.quantization.placing import Placing
from auxdrive_train.quantization.weights import quantised_weights, scale_of

from auxdrive_deploy.precisions.graph import Graph, renamed, weight_axis


def quantised_maps(model: bytes, layers: Collection[str]) -> list[str]:
    """The names of the maps that an int8 graph quantises, whose ranges must be measured.

    Args:
        model: the graph's bytes in float32.
        layers: the outputs of the layers that compute in int8.
    """
    return Placing(Graph(model), layers).measured


def to_int8(model: bytes, layers: Collection[str], largest: Mapping[str, float]) -> bytes:
    """The graph in int8. The same arguments give the same bytes.

    Args:
        model: the graph's bytes in float32.
        layers: the outputs of the layers that compute in int8.
        largest: for each of `quantised_maps` the absolute value that 127 stands for; what is larger
            is cut.
    """
    graph = Graph(model)
    placing = Placing(graph, layers)
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


def _pair(
    graph: Graph, placing: Placing, name: str, largest: Mapping[str, float], nodes: list[Any]
) -> str:
    """Append Q and DQ of a map; the name of what DQ gives."""
    like = placing.scale_of[name]
    scale = graph.add(f"{like}_scale", scale_of(largest[like]))
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
