"""Int8 graphs for ONNX Runtime on a CPU, whose fast code multiplies unsigned maps.

A map of an int8 graph has the zero point 0, as TensorRT wants it. ONNX Runtime 1.32 on x86 leaves
layers with maps of int8 in float32, and multiplies them slowly where it is told to (107 ms against
6.9 ms with uint8, a ResNet-18 at 256 x 144). Its own conversion stops at maps that are used twice.
The same whole numbers plus 128 with the zero point 128 are the same real numbers. Maps out of a
Relu keep their zero point 0, now as the least number: ONNX Runtime then cuts at zero in the
convolution, and values of up to twice the calibrated range are no longer cut off.

All maps share two stored zero points, so two bytes of the file are changed for each.
"""

from __future__ import annotations

from auxdrive.precisions import ZERO, ZERO_OF_RELU

_INT8, _UINT8 = 3, 2  # TensorProto.DataType


def with_unsigned_maps(model: bytes) -> bytes:
    """An int8 graph of auxdrive with maps of uint8. Any other graph as it is.

    Args:
        model: the graph's bytes, which have been admitted.
    """
    for name, zero in ((ZERO, 128), (ZERO_OF_RELU, 0)):
        signed = _stored(name, _INT8, 0)
        if model.count(signed) == 1:
            model = model.replace(signed, _stored(name, _UINT8, zero))
    return model


def _stored(name: str, kind: int, number: int) -> bytes:
    """A tensor without axes as protobuf writes it, in the order of its fields: type, name, data."""
    text = name.encode()
    return bytes([0x10, kind, 0x42, len(text)]) + text + bytes([0x4A, 1, number])
