"""auxdrive_train: data, models, losses, methods and the engine that train camera-only students."""

import logging

from auxdrive.machine.openmp import wait_passively

wait_passively()  # here, since whatever part of the package is imported, this runs before its torch
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing
