"""Graphs that no export holds are refused before a runtime sees them: hidden fields, foreign
operators, sizes without bound.
"""

from __future__ import annotations

from collections.abc import Callable

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks.graph_reader import read_graph
from auxdrive.errors import BundleError
from onnx import TensorProto, helper, numpy_helper

MODEL = bundle_factory.model(1)
DATA = MODEL.SerializeToString()
Change = Callable[[onnx.ModelProto], None]


def refused(data: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        read_graph(data, "student.onnx")


def changed(change: Change) -> bytes:
    model = onnx.ModelProto()
    model.CopyFrom(MODEL)
    change(model)
    return bytes(model.SerializeToString())


def local_function(model: onnx.ModelProto) -> None:
    """As one whose default attribute lies in a file outside: ONNX Runtime before 1.24 read it."""
    model.functions.append(
        helper.make_function(
            "mine", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], []
        )
    )


def function_bomb(model: onnx.ModelProto) -> None:
    """Each calls the one before twice: 2^24 nodes once they are put in."""
    for level in range(24):
        inner = f"F{level - 1}" if level else "Relu"
        domain = "mine" if level else ""
        body = [
            helper.make_node(inner, ["a"], ["m"], domain=domain),
            helper.make_node(inner, ["m"], ["b"], domain=domain),
        ]
        model.functions.append(
            helper.make_function(
                "mine", f"F{level}", ["a"], ["b"], body, [helper.make_opsetid("mine", 1)]
            )
        )


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["n", "c", "steer_rad"], ["again"], body=body))


def branch(model: onnx.ModelProto) -> None:
    body = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "body", [], [])
    model.graph.node.append(
        helper.make_node("If", ["c"], ["again"], then_branch=body, else_branch=body)
    )


def constant(model: onnx.ModelProto) -> None:
    model.graph.node.insert(
        0,
        helper.make_node(
            "Constant", [], ["k"], value=numpy_helper.from_array(np.ones(1, np.float32))
        ),
    )


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../elsewhere")


def located(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


def custom_domain(model: onnx.ModelProto) -> None:
    model.graph.node[4].domain = "com.microsoft"


def custom_opset(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def opset_twice(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("", 20))


def older_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 17


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[4].op_type = "NonZero"


def sequence(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("SequenceConstruct", ["steer_rad"], ["sequence"]))


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().dims.append(1)


def quantised(model: onnx.ModelProto) -> None:
    model.graph.quantization_annotation.add().tensor_name = "linear"


def training(model: onnx.ModelProto) -> None:
    model.training_info.add()


def metadata(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="ort_config", value="{}")


def node_metadata(model: onnx.ModelProto) -> None:
    model.graph.node[0].metadata_props.add(key="layer", value="1")


def reference(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute[0].ref_attr_name = "to"


def future_format(model: onnx.ModelProto) -> None:
    model.ir_version = 99


def foreign_attribute(model: onnx.ModelProto) -> None:
    model.graph.node[4].attribute.append(helper.make_attribute("activations", 1))


def other_value(model: onnx.ModelProto) -> None:
    model.graph.node[3].attribute.append(helper.make_attribute("auto_pad", "SAME_UPPER"))


def attribute_twice(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("to", 1))


def lying_attribute(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute[0].type = onnx.AttributeProto.FLOAT


def two_sources(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["product"], ["steer_rad"]))


def nowhere(model: onnx.ModelProto) -> None:
    model.graph.node[4].input[0] = "nowhere"


def out_of_order(model: onnx.ModelProto) -> None:
    nodes = [*model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes[::-1])


def default_for_an_input(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(
        numpy_helper.from_array(np.zeros((1, 24, 32, 3), np.float32), "image")
    )


def undeclared_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("gone", TensorProto.FLOAT, [1]))


def wrong_output_size(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2


def lie_about_a_value(model: onnx.ModelProto) -> None:
    """Runtimes plan their memory by what is said of values."""
    model.graph.value_info.append(
        helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["batch", 400])
    )


def many_outputs(model: onnx.ModelProto) -> None:
    for index in range(20):
        model.graph.node.append(helper.make_node("Relu", ["product"], [f"o{index}"]))
        model.graph.output.append(
            helper.make_tensor_value_info(f"o{index}", TensorProto.FLOAT, ["batch", 1])
        )


def many_nodes(model: onnx.ModelProto) -> None:
    for index in range(5_001):
        model.graph.node.append(helper.make_node("Relu", ["product"], [f"n{index}"]))


def free_height(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "height"


def truncated_tensor(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]


def negative_axis(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -4


def two_contents(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].float_data.append(1.0)


def doubles(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3), "doubles"))


def control_character(model: onnx.ModelProto) -> None:
    model.graph.node[0].name = "a\x1b[2Jb"


def right_to_left(model: onnx.ModelProto) -> None:
    model.graph.node[0].name = "a\u202eb"


def nul(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "image\0x"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (local_function, "functions of its own"),
        (function_bomb, "functions of its own"),
        (loop, "control flow"),
        (branch, "control flow"),
        (constant, "a tensor in an attribute"),
        (external, "in another file"),
        (located, "in another file"),
        (sequence, "'SequenceConstruct'"),
        (custom_domain, "com.microsoft::Relu: custom operators"),
        (custom_opset, "ai.onnx 20, com.microsoft 1"),
        (opset_twice, "ai.onnx 20 alone"),
        (older_opset, "ai.onnx 17"),
        (foreign_operator, "'NonZero' is none"),
        (sparse, "sparse tensors"),
        (quantised, "quantisation"),
        (training, "training"),
        (metadata, "metadata"),
        (node_metadata, "metadata"),
        (reference, "reference to a function's attribute"),
        (future_format, "format version 99"),
        (foreign_attribute, "'activations'"),
        (other_value, "auto_pad = SAME_UPPER"),
        (attribute_twice, "'to' twice"),
        (lying_attribute, "says that its type is 1"),
        (two_sources, "two sources"),
        (nowhere, "comes from nowhere"),
        (out_of_order, "comes from nowhere, or later"),
        (default_for_an_input, "'image' has two sources"),
        (undeclared_output, "computed by no node"),
        (wrong_output_size, "'steer_rad' is declared as"),
        (lie_about_a_value, "'pooled' is declared as"),
        (many_outputs, "has 21 outputs"),
        (many_nodes, "more than 5000 nodes"),
        (free_height, "only its first axis"),
        (truncated_tensor, "holds 299 values and not 300"),
        (negative_axis, "without empty axes"),
        (two_contents, "float_data, raw_data"),
        (doubles, "is float64"),
        (nul, "no name has"),
        (control_character, "no name has"),
        (right_to_left, "no name has"),
    ],
)
def test_what_no_export_holds(change: Change, reason: str) -> None:
    refused(changed(change), reason)
