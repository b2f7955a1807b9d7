"""The reader of graphs below the level of any writer: unknown fields, other forms, repetitions,
damage.
"""

from __future__ import annotations

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks.graph_reader import read_graph
from auxdrive.errors import BundleError
from onnx import numpy_helper
from protobuf import message, number, varint

DATA = bundle_factory.model(1).SerializeToString()


def refused(data: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        read_graph(data, "student.onnx")


@pytest.mark.parametrize(
    "place",
    [
        "model",
        "opset",
        "graph",
        "node",
        "attribute",
        "tensor",
        "value",
        "type",
        "tensor type",
        "shape",
        "dimension",
    ],
)
@pytest.mark.parametrize("content", [number(99, 1), message(99, b"\x08\x01"), number(1 << 20, 0)])
def test_unknown_fields_anywhere(place: str, content: bytes) -> None:
    """One wrong byte in a reader that skips is a graph that it does not see."""
    type_of = {
        "dimension": lambda inner: message(1, message(2, message(1, inner))),
        "shape": lambda inner: message(1, message(2, inner)),
        "tensor type": lambda inner: message(1, inner),
        "type": lambda inner: inner,
    }
    graph_of = {
        "graph": content,
        "node": message(1, content),
        "attribute": message(1, message(5, content)),
        "tensor": message(5, content),
        "value": message(11, content),
    }
    if place == "model":
        refused(DATA + content, "field that is not known")
    elif place == "opset":
        refused(number(1, 10) + message(7, b"") + message(8, content), "field that is not known")
    else:
        inner = graph_of.get(place) or message(
            11, message(1, "x") + message(2, type_of[place](content))
        )
        refused(minimal(inner), "field that is not known")


def test_a_domain_in_another_form_does_not_hide() -> None:
    """The domain of a node as a number: a reader that takes what it knows sees none, protobuf keeps
    the bytes as an unknown field.
    """
    node = (
        message(1, "i") + message(2, "o") + message(4, "FusedMatMul") + message(7, "com.microsoft")
    )
    refused(minimal(message(1, node + number(7, 1))), "'domain'")
    refused(minimal(message(1, node)), "com.microsoft::FusedMatMul")


def _io() -> bytes:
    described = message(1, "i") + message(
        2, message(1, number(1, 1) + message(2, message(1, number(1, 1))))
    )
    return message(11, described) + message(12, described)


def minimal(graph: bytes = b"", model: bytes = b"") -> bytes:
    return (
        number(1, 10)
        + message(8, number(2, 20))
        + message(7, _io() + graph + message(2, "g"))
        + model
    )


def test_the_minimal_model_is_read() -> None:
    assert read_graph(minimal()).reachable_inputs == {"i": {"i"}}


TENSOR = number(2, 7) + message(8, "w")


@pytest.mark.parametrize(
    "tensor",
    [
        number(1, 2) + TENSOR + number(7, 5) + number(7, 6),  # one by one
        message(1, varint(2)) + TENSOR + message(7, varint(5) + varint(6)),  # packed
        # both, which protobuf joins
        message(1, varint(2)) + TENSOR + number(7, 5) + message(7, varint(6)),
        number(1, 2) + TENSOR + message(9, np.array([5, 6], "<i8").tobytes()),
    ],
)
def test_lists_in_every_form_that_protobuf_reads(tensor: bytes) -> None:
    data = minimal(
        message(5, tensor)
        + message(1, message(1, "i") + message(1, "w") + message(2, "o") + message(4, "Expand"))
    )
    assert read_graph(data).shapes["o"] == (5, 6)
    theirs = onnx.ModelProto.FromString(data).graph.initializer[0]
    assert numpy_helper.to_array(theirs).tolist() == [5, 6]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no graph"),
        (b"\x08\x08", "no graph"),
        (b"\xff" * 40, "longer than 64 bits"),
        (b"PK\x03\x04 a zip file", "."),
        (DATA * 2, "'ir_version' twice"),
        (minimal(model=message(7, b"")), "'graph' twice"),
        (number(1, 10) + message(8, number(2, 20)) + message(7, _io()), "without a name"),
        (minimal(message(2, "a") + message(2, "b")), "'name' twice"),
        (number(1, 10, overlong=1) + minimal()[2:], "shortest form"),
        (minimal(message(2, "a", overlong=3)), "shortest form"),
        (number(1, 10, overlong=10) + minimal()[2:], "longer than 64 bits"),
        (minimal(message(5, number(2, 1 << 40))), "fit into 32 bits"),
        (minimal(message(2, b"\xff\xfe")), "'name' is not UTF-8"),
        (minimal(varint(2 << 3 | 3)), "wire type 3"),
        (minimal(message(1, number(4, 5))), "'op_type' is stored in another form"),
        (minimal(message(1, message(2, "o"))), "operator ''"),
        (
            minimal(message(5, number(1, 1) + number(2, 2) + message(8, "w") + number(7, 1))),
            "uint8 holds int64_data",
        ),
        (minimal(b"\x00\x01"), "field number 0"),
        (minimal(message(2, "abc"))[:-1], "middle of a field"),
    ],
)
def test_broken_models(data: bytes, reason: str) -> None:
    refused(data, reason)


def test_deep_nesting_is_no_recursion() -> None:
    graph = b""
    for _ in range(3000):
        graph = message(1, message(4, "If") + message(5, message(6, graph)))
    refused(minimal(graph), "control flow")


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxdrive.checks.graph_reader.MAX_MODEL_BYTES", 100)
    refused(DATA, "limit of 100")
    monkeypatch.undo()
    # A million numbers of no use: the budget of fields ends them.
    refused(minimal(message(5, message(1, varint(1) * 1_000_000))), "more fields")
