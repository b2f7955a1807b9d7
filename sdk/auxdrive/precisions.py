"""The precisions in which a bundle may hold its model: the file of each, and how int8 is written.

`model.onnx` is always there, in float32. Another precision is one more graph with the same inputs
and outputs, which holds float32 outside its heavy layers.
"""

from __future__ import annotations

from auxdrive.errors import UsageError, unknown_name

FP32 = "fp32"
FP16 = "fp16"
INT8 = "int8"
MODEL_FILES = {FP32: "model.onnx", FP16: "model.fp16.onnx", INT8: "model.int8.onnx"}
"""The file of each precision in a bundle."""
PRECISIONS = tuple(MODEL_FILES)


def check_precision(name: str) -> None:
    """Check that there is a precision of that name.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    if name not in PRECISIONS:
        raise UsageError(unknown_name("precision", str(name), PRECISIONS))


ZERO = "int8_zero"
"""The tensor that all quantised maps of an int8 graph have as zero point: 0 in int8. TensorRT takes
no other.
"""
ZERO_OF_RELU = "int8_zero_of_relu"
"""The same for maps that come out of a Relu. They are never negative, and a runtime may use that
(`auxdrive.runtimes.unsigned`).
"""
