"""A graph in fp16: the heavy layers and what lies between them compute in numbers of 16 bits, their
weights are stored so. The preparation of the image and the last layers, which make metres and
radians, stay in float32: 30 m have steps of 1.6 cm in fp16.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx

from auxdrive_deploy.precisions.graph import Graph, renamed

BETWEEN = ("Relu", "Elu", "Sigmoid", "Tanh", "Add", "Mul", "MaxPool", "AveragePool")
"""Operators that stay in fp16 where all that they are given is."""


def to_fp16(model: bytes, layers: Collection[str]) -> bytes:
    """The graph in fp16. The same arguments give the same bytes.

    Args:
        model: the graph's bytes in float32.
        layers: the outputs of the layers that compute in fp16.
    """
    graph = Graph(model)
    half = _halves(graph, layers)
    made: list[Any] = []
    casts: dict[tuple[str, bool], str] = {}
    for node in graph.nodes:
        wanted = node.output[0] in half
        names = {}
        for name in node.input:
            if wanted and name in graph.stored:
                names[name] = graph.add(f"{name}_fp16", graph.array(name).astype(np.float16))
            elif name and name not in graph.stored and (name in half) != wanted:
                names[name] = _cast(name, wanted, casts, made)
        made.append(renamed(node, names))
    return graph.written(made)


def _halves(graph: Graph, layers: Collection[str]) -> set[str]:
    """The values that are computed in fp16, by nodes of one output each."""
    half: set[str] = set()
    for node in graph.predicting:
        given = [name for name in node.input if name in graph.maker]
        between = node.op_type in BETWEEN and given and half.issuperset(given)
        if (node.output[0] in layers or between) and node.output[0] not in graph.outputs:
            half.add(node.output[0])
    return half


def _cast(name: str, to_half: bool, casts: dict[tuple[str, bool], str], nodes: list[Any]) -> str:
    """The name of a value in the other type; the Cast is appended at its first use."""
    if (name, to_half) not in casts:
        output = f"{name}_{'fp16' if to_half else 'fp32'}"
        kind = onnx.TensorProto.FLOAT16 if to_half else onnx.TensorProto.FLOAT
        nodes.append(onnx.helper.make_node("Cast", [name], [output], f"Cast_{output}", to=kind))
        casts[name, to_half] = output
    return casts[name, to_half]
