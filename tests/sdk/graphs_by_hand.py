"""Graphs of a few nodes, and the facts that are read of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from auxdrive.checks.graph_reader import GraphFacts, read_graph
from onnx import TensorProto, helper, numpy_helper

Stored = dict[str, Any]
X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 6, 8, 10))
IMAGE = helper.make_tensor_value_info("image", TensorProto.UINT8, ("batch", 6))


def model(nodes: list[onnx.NodeProto], stored: Stored, output: str = "y") -> onnx.ModelProto:
    """Nodes on x float32 (batch, 6, 8, 10) and image uint8 (batch, 6); the output has any shape."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    kind = TensorProto.INT32 if nodes[-1].op_type == "MatMulInteger" else TensorProto.FLOAT
    anything = helper.make_tensor_value_info(output, kind, None)
    graph = helper.make_graph(nodes, "g", [X, IMAGE], [anything], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def facts_of(made: onnx.ModelProto, shape: tuple[int | str, ...]) -> GraphFacts:
    """The facts of a model whose output is declared with that shape."""
    made.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("y", made.graph.output[0].type.tensor_type.elem_type, shape)
    )
    return read_graph(made.SerializeToString())


def node(operator: str, *inputs: str, **attributes: Any) -> list[onnx.NodeProto]:
    return [helper.make_node(operator, list(inputs), ["y"], **attributes)]


F = np.float32
