"""auxdrive_deploy: export to ONNX, bundle writing, parity with the trained student."""

from auxdrive.machine.openmp import wait_passively

wait_passively()  # before torch, as in auxdrive_train
