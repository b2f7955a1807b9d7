"""Small graphs with the operators that exported students use, for fuzzers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def graph() -> onnx.ModelProto:
    """image uint8 (batch, 24, 32, 3) -> steer_rad (batch, 1): crop, block average, resize,
    residual, pool, gather, split.
    """
    rng = np.random.default_rng(3)
    stored = {
        "first": np.array([4]),
        "last": np.array([20]),
        "rows": np.array([2]),
        "small": np.array([8, 12]),
        "minus": np.array([-1, 6]),
        "axes": np.array([-1, -2]),
        "zero": np.array(0),
        "one": np.array(1),
        "count": np.array(6),
        "at": np.array([1]),
        "kernel": rng.normal(0, 0.3, (6, 3, 3, 3)),
        "kernel2": rng.normal(0, 0.3, (6, 6, 3, 3)),
        "mean": np.full((1, 3, 1, 1), 0.5),
        "scale": np.array(1 / 255),
        "weight": rng.normal(0, 1, (4, 6)),
        "bias": np.zeros(4),
        "last_weight": rng.normal(0, 1, (2, 1)),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        node("Transpose", ["float"], ["chw"], perm=[0, 3, 1, 2]),
        node("Slice", ["chw", "first", "last", "rows"], ["cropped"]),
        node(
            "AveragePool",
            ["cropped"],
            ["averaged"],
            kernel_shape=[1, 2],
            strides=[1, 2],
            pads=[0, 0, 0, 0],
            auto_pad="NOTSET",
            ceil_mode=0,
        ),
        node("Shape", ["averaged"], ["front"], start=0, end=2),
        node("Concat", ["front", "small"], ["sizes"], axis=0),
        node(
            "Resize",
            ["averaged", "", "", "sizes"],
            ["resized"],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
            antialias=0,
        ),
        node("Mul", ["resized", "scale"], ["scaled"]),
        node("Sub", ["scaled", "mean"], ["centred"]),
        node(
            "Conv",
            ["centred", "kernel"],
            ["features"],
            pads=[1, 1, 1, 1],
            strides=[1, 1],
            group=1,
            dilations=[1, 1],
            kernel_shape=[3, 3],
        ),
        node("Relu", ["features"], ["active"]),
        node("Conv", ["active", "kernel2"], ["more"], pads=[1, 1, 1, 1]),
        node("Add", ["more", "active"], ["sum"]),
        node(
            "MaxPool",
            ["sum"],
            ["pooled"],
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
            ceil_mode=0,
            storage_order=0,
        ),
        node("ReduceMean", ["pooled", "axes"], ["meaned"], keepdims=1, noop_with_empty_axes=0),
        node("Range", ["zero", "count", "one"], ["indices"]),
        node("Gather", ["meaned", "indices"], ["gathered"], axis=1),
        node("Reshape", ["gathered", "minus"], ["flat"], allowzero=0),
        node(
            "Gemm", ["flat", "weight", "bias"], ["linear"], alpha=1.0, beta=1.0, transA=0, transB=1
        ),
        node("Split", ["linear"], ["left", "right"], axis=1, num_outputs=2),
        node("Sigmoid", ["left"], ["gate"]),
        node("Tanh", ["right"], ["state"]),
        node("Mul", ["gate", "state"], ["mixed"]),
        node("Unsqueeze", ["mixed", "at"], ["raised"]),
        node("Squeeze", ["raised", "at"], ["lowered"]),
        node("Softmax", ["lowered"], ["shares"], axis=1),
        node("Elu", ["shares"], ["bent"], alpha=1.0),
        node("Gemm", ["bent", "last_weight"], ["steer_rad"]),
    ]
    return _model(nodes, stored)


def scored() -> onnx.ModelProto:
    """The same with the out-of-distribution score as its second output: spreads of its maps
    (Sqrt), and their distance from those of the training.
    """
    model, rng = graph(), np.random.default_rng(5)
    node = helper.make_node
    model.graph.node.extend(
        [
            node("Sub", ["pooled", "meaned"], ["apart"]),
            node("Mul", ["apart", "apart"], ["squares"]),
            node("ReduceMean", ["squares", "axes"], ["variance"], keepdims=1),
            node("Sqrt", ["variance"], ["spread"]),
            node("Concat", ["meaned", "spread"], ["described"], axis=1),
            node("Reshape", ["described", "twelve"], ["vectors"], allowzero=0),
            node("Sub", ["vectors", "ood.mean"], ["difference"]),
            node("MatMul", ["difference", "ood.whitening"], ["white"]),
            node("Mul", ["white", "white"], ["white_squares"]),
            node("ReduceMean", ["white_squares", "at"], ["ood_score"], keepdims=1),
        ]
    )
    stored = {
        "twelve": np.array([-1, 12]),
        "ood.mean": np.zeros(12, np.float32),
        "ood.whitening": rng.normal(0, 0.3, (12, 12)).astype(np.float32),
    }
    model.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in stored.items())
    model.graph.output.append(
        helper.make_tensor_value_info("ood_score", TensorProto.FLOAT, ("batch", 1))
    )
    return model


def strips() -> onnx.ModelProto:
    """The same with the sums of a big camera's bytes: strips, MatMulInteger, ReduceSum."""
    rng = np.random.default_rng(4)
    stored = {
        "zero": np.array([0, 0]), "middle": np.array([12, 0]), "upper_end": np.array([12, 32]),
        "end": np.array([24, 32]), "rows_and_columns": np.array([1, 2]),
        "pairs": np.array([-1, 24]), "by_block": np.array([-1, 6, 2, 48]), "rows": np.array([2]),
        "image_of_blocks": np.array([-1, 12, 16, 3]), "area": np.array(4.0),
        "axes": np.array([2, 3]), "weight": rng.normal(0, 0.01, (3, 1)),
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Slice", ["image", "zero", "upper_end", "rows_and_columns"], ["upper"]),
        node("Slice", ["image", "middle", "end", "rows_and_columns"], ["lower"]),
        *(
            made
            for part in ("upper", "lower")
            for made in (
                node("Reshape", [part, "pairs"], [f"{part}_pairs"]),
                node("MatMulInteger", [f"{part}_pairs", "ones"], [f"{part}_sums"]),
                node("Reshape", [f"{part}_sums", "by_block"], [f"{part}_rows"]),
                node("Cast", [f"{part}_rows"], [f"{part}_floats"], to=TensorProto.FLOAT),
                node("ReduceSum", [f"{part}_floats", "rows"], [f"{part}_blocks"], keepdims=0),
            )
        ),
        node("Concat", ["upper_blocks", "lower_blocks"], ["all_blocks"], axis=1),
        node("Reshape", ["all_blocks", "image_of_blocks"], ["of_blocks"]),
        node("Transpose", ["of_blocks"], ["chw"], perm=[0, 3, 1, 2]),
        node("Div", ["chw", "area"], ["averaged"]),
        node("ReduceMean", ["averaged", "axes"], ["meaned"], keepdims=0),
        node("Gemm", ["meaned", "weight"], ["steer_rad"]),
    ]
    together = 4
    ones = np.eye(together * 3, dtype=np.int8).reshape(together, 1, 3, -1)
    adds_up = np.tile(ones, (1, 2, 1, 1)).reshape(together * 6, -1)
    return _model(nodes, stored, [numpy_helper.from_array(adds_up, "ones")])


def _model(
    nodes: list[onnx.NodeProto], stored: Mapping[str, Any], more: Sequence[onnx.TensorProto] = ()
) -> onnx.ModelProto:
    tensors = [
        numpy_helper.from_array(
            np.asarray(array, np.int64 if np.asarray(array).dtype.kind == "i" else np.float32), name
        )
        for name, array in stored.items()
    ]
    made = helper.make_graph(
        nodes,
        "student",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ("batch", 24, 32, 3))],
        [helper.make_tensor_value_info("steer_rad", TensorProto.FLOAT, ("batch", 1))],
        [*tensors, *more],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
