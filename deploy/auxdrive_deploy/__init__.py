"""auxdrive_deploy: export to ONNX, bundle writing, parity with the trained student."""

import logging

from auxdrive.machine.openmp import wait_passively

wait_passively()  # before torch, as in auxdrive_train
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing
