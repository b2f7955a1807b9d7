"""auxdrive_deploy: export to ONNX, bundle writing, parity with the trained student."""
