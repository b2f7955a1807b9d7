"""auxdrive: what runs in the vehicle. NumPy, pydantic and ONNX Runtime; never torch."""

__version__ = "0.1.0"
