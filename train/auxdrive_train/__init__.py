"""auxdrive_train: data, models, losses, methods and the engine that train camera-only students."""

from auxdrive.machine.openmp import wait_passively

wait_passively()  # here, since whatever part of the package is imported, this runs before its torch
