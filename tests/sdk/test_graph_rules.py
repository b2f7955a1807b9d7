"""What the rules of the operators accept, ONNX Runtime runs, and computes in the shape that they
foretell.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from auxdrive.checks.operators import Node
from auxdrive.checks.sizes import Trace
from auxdrive.checks.values import Value
from auxdrive.errors import BundleError
from auxdrive.runtimes.onnx_runtime import import_onnxruntime, session_options
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

SHAPE = (1, 4, 6, 5)
Case = tuple[str, list[str], dict[str, Any], dict[str, np.ndarray[Any, Any]], int]


def whole(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def pair(low: int, high: int) -> st.SearchStrategy[list[int]]:
    return st.lists(whole(low, high), min_size=2, max_size=2)


WINDOW = st.fixed_dictionaries(
    {},
    optional={"strides": pair(0, 3), "pads": st.lists(whole(0, 3), min_size=4, max_size=4),
              "dilations": pair(0, 2)},
)  # fmt: skip
KINDS = (
    "Add", "AveragePool", "Concat", "Conv", "Expand", "Gather", "MatMul", "MaxPool", "ReduceMean",
    "ReduceSum", "Reshape", "Resize", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
USUAL = {
    "Reshape": (-1, 0, 1, 4, 5, 6, 20, 30, 120), "Expand": (1, 2, 4, 5, 6), "Squeeze": (-4, 0, 1),
    "ReduceMean": (-4, -1, 0, 1, 2, 3, 4), "ReduceSum": (-4, -1, 0, 1, 2, 3, 4),
}  # fmt: skip
"""Numbers that often fit, for operators where any would seldom do."""


def vector(numbers: list[int]) -> np.ndarray[Any, Any]:
    return np.array(numbers, np.int64)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A node on x float32 (1, 4, 6, 5): operator, inputs, attributes, stored tensors, outputs."""
    kind = draw(st.sampled_from(KINDS))
    numbers = draw(
        st.lists(
            st.sampled_from(USUAL.get(kind, (-8, -5, -1, 0, 1, 2, 3, 8))), min_size=1, max_size=4
        )
    )
    if kind == "Conv":
        group, channels = draw(st.sampled_from([(1, 4), (1, 4), (2, 2), (4, 1), (0, 4), (3, 1)]))
        weight = np.ones(
            (draw(st.sampled_from([4, 8, 3])), channels, *draw(pair(1, 4))), np.float32
        )
        return kind, ["x", "w"], draw(WINDOW) | {"group": group}, {"w": weight}, 1
    if kind.endswith("Pool"):
        return kind, ["x"], draw(WINDOW) | {"kernel_shape": draw(pair(0, 4))}, {}, 1
    if kind == "Slice":
        axes = draw(st.lists(whole(-4, 3), min_size=1, max_size=3))
        starts, ends = (
            draw(st.lists(whole(-8, 9), min_size=len(axes), max_size=len(axes))) for _ in range(2)
        )
        steps = draw(st.lists(whole(0, 3), min_size=len(axes), max_size=len(axes)))
        return (
            kind,
            ["x", "a", "b", "c", "d"],
            {},
            dict(zip("abcd", map(vector, (starts, ends, axes, steps)), strict=True)),
            1,
        )
    if kind == "Resize":
        return (
            kind,
            ["x", "", "", "n"],
            {"mode": draw(st.sampled_from(["linear", "nearest"]))},
            {"n": vector([1, 4, *draw(pair(0, 9))])},
            1,
        )
    if kind == "Split":
        parts = draw(whole(1, 6))
        return (
            kind,
            ["x"],
            {"axis": draw(whole(-5, 4)), "num_outputs": parts},
            {},
            draw(st.sampled_from([parts, 2])),
        )
    if kind == "Gather":
        return kind, ["x", "n"], {"axis": draw(whole(-5, 4))}, {"n": vector(numbers)}, 1
    if kind == "Concat":
        shape = draw(st.sampled_from([(1, 4, 6, 5), (1, 3, 6, 5), (1, 4, 6, 2), (1, 4, 6)]))
        return kind, ["x", "w"], {"axis": draw(whole(-5, 4))}, {"w": np.ones(shape, np.float32)}, 1
    if kind in ("MatMul", "Add"):
        shape = draw(st.lists(st.sampled_from([1, 4, 5, 6]), min_size=1, max_size=4))
        return kind, ["x", "w"], {}, {"w": np.ones(shape, np.float32)}, 1
    if kind == "Transpose":
        return (
            kind,
            ["x"],
            {
                "perm": draw(
                    st.one_of(
                        st.permutations(range(4)), st.lists(whole(0, 4), min_size=3, max_size=5)
                    )
                )
            },
            {},
            1,
        )
    attributes = (
        {"keepdims": draw(whole(0, 1))}
        if kind.startswith("Reduce")
        else {"allowzero": draw(whole(0, 1))}
        if kind == "Reshape"
        else {}
    )
    return kind, ["x", "n"], attributes, {"n": vector(numbers)}, 1


def foretold(case: Case) -> list[tuple[int, ...]] | None:
    """The shapes that the rules give; None where they refuse."""

    def fail(reason: str) -> NoReturn:
        raise BundleError(reason)

    operator, inputs, attributes, stored, outputs = case
    names = tuple(f"y{index}" for index in range(outputs))
    trace = Trace(fail)
    trace.add_input("x", "float32", SHAPE)
    try:
        for name, array in stored.items():
            trace.add_stored(
                name,
                Value(array.dtype.name, array.shape, array if array.dtype == np.int64 else None),
            )
        held = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in attributes.items()
        }
        trace.run(Node(operator, tuple(inputs), names, held))
    except BundleError:
        return None
    return [trace.values[name].shape for name in names]


@settings(max_examples=300, deadline=None)
@given(cases())
def test_what_is_accepted_runs_and_has_the_shape_that_was_foretold(case: Case) -> None:
    shapes = foretold(case)
    if shapes is None:
        return
    operator, inputs, attributes, stored, outputs = case
    names = [f"y{index}" for index in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, names, **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    runtime = import_onnxruntime()
    session = runtime.InferenceSession(
        model.SerializeToString(), session_options(runtime, 1), providers=["CPUExecutionProvider"]
    )
    outputs = session.run(None, {"x": np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)})
    assert [output.shape for output in outputs] == shapes
