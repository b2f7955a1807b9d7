"""The messages of onnx.proto with the fields that exported graphs use, and those that are refused.

The numbers of fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. A field
that no table here names, such as one of a later version of ONNX, is refused too: a runtime might
use what this reader does not know.
"""

from __future__ import annotations

from auxdrive.checks.wire import Field, Kind, Message, Refused

_METADATA = Refused("metadata_props", "metadata, some of which runtimes obey")
_DENOTATION = Refused("denotation", "a denotation")

MODEL: Message = {
    1: Field("ir_version", Kind.INT64),
    2: Field("producer_name", Kind.TEXT),
    3: Field("producer_version", Kind.TEXT),
    4: Field("domain", Kind.TEXT),
    5: Field("model_version", Kind.INT64),
    6: Field("doc_string", Kind.TEXT),
    7: Field("graph", Kind.MESSAGE),
    8: Field("opset_import", Kind.MESSAGE, many=True),
    14: _METADATA,
    20: Refused("training_info", "graphs for training"),
    25: Refused("functions", "functions of its own"),
    26: Refused("configuration", "configurations of several devices"),
}

OPSET: Message = {1: Field("domain", Kind.NAME), 2: Field("version", Kind.INT64)}

GRAPH: Message = {
    1: Field("node", Kind.MESSAGE, many=True),
    2: Field("name", Kind.NAME),
    5: Field("initializer", Kind.MESSAGE, many=True),
    10: Field("doc_string", Kind.TEXT),
    11: Field("input", Kind.MESSAGE, many=True),
    12: Field("output", Kind.MESSAGE, many=True),
    13: Field("value_info", Kind.MESSAGE, many=True),
    14: Refused("quantization_annotation", "notes on quantisation"),
    15: Refused("sparse_initializer", "sparse tensors"),
    16: _METADATA,
}

NODE: Message = {
    1: Field("input", Kind.NAME, many=True),
    2: Field("output", Kind.NAME, many=True),
    3: Field("name", Kind.NAME),
    4: Field("op_type", Kind.NAME),
    5: Field("attribute", Kind.MESSAGE, many=True),
    6: Field("doc_string", Kind.TEXT),
    7: Field("domain", Kind.NAME),
    8: Refused("overload", "overloads of functions"),
    9: _METADATA,
    10: Refused("device_configurations", "configurations of several devices"),
}

ATTRIBUTE: Message = {
    1: Field("name", Kind.NAME),
    2: Field("f", Kind.FLOAT),
    3: Field("i", Kind.INT64),
    4: Field("s", Kind.NAME),
    5: Refused("t", "a tensor in an attribute"),
    6: Refused("g", "a graph in an attribute (control flow)"),
    7: Refused("floats", "a list of numbers in an attribute"),
    8: Field("ints", Kind.INT64, many=True),
    9: Refused("strings", "texts in an attribute"),
    10: Refused("tensors", "tensors in an attribute"),
    11: Refused("graphs", "graphs in an attribute (control flow)"),
    13: Field("doc_string", Kind.TEXT),
    14: Refused("tp", "a type in an attribute"),
    15: Refused("type_protos", "types in an attribute"),
    20: Field("type", Kind.INT32),
    21: Refused("ref_attr_name", "a reference to a function's attribute"),
    22: Refused("sparse_tensor", "a sparse tensor in an attribute"),
    23: Refused("sparse_tensors", "sparse tensors in an attribute"),
}

TENSOR: Message = {
    1: Field("dims", Kind.INT64, many=True),
    2: Field("data_type", Kind.INT32),
    3: Refused("segment", "a tensor in parts"),
    4: Field("float_data", Kind.FLOAT, many=True),
    5: Refused("int32_data", "numbers of 32 bits"),
    6: Refused("string_data", "texts"),
    7: Field("int64_data", Kind.INT64, many=True),
    8: Field("name", Kind.NAME),
    9: Field("raw_data", Kind.BYTES),
    10: Refused("double_data", "numbers of 64 bits"),
    11: Refused("uint64_data", "numbers without sign"),
    12: Field("doc_string", Kind.TEXT),
    13: Refused("external_data", "a tensor whose data lies in another file"),
    14: Field("data_location", Kind.INT32),
    16: _METADATA,
}

VALUE_INFO: Message = {
    1: Field("name", Kind.NAME),
    2: Field("type", Kind.MESSAGE),
    3: Field("doc_string", Kind.TEXT),
    4: _METADATA,
}

TYPE: Message = {
    1: Field("tensor_type", Kind.MESSAGE),
    4: Refused("sequence_type", "a sequence"),
    5: Refused("map_type", "a map"),
    6: _DENOTATION,
    7: Refused("opaque_type", "an opaque type"),
    8: Refused("sparse_tensor_type", "a sparse tensor"),
    9: Refused("optional_type", "an optional value"),
}

TENSOR_TYPE: Message = {1: Field("elem_type", Kind.INT32), 2: Field("shape", Kind.MESSAGE)}
SHAPE: Message = {1: Field("dim", Kind.MESSAGE, many=True)}
DIMENSION: Message = {
    1: Field("dim_value", Kind.INT64),
    2: Field("dim_param", Kind.NAME),
    3: _DENOTATION,
}
