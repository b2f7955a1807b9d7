"""auxdrive_eval: simulators, routes, criteria, scoring and reports in closed loop."""

import logging

from auxdrive.machine.openmp import wait_passively

wait_passively()  # torch comes with the agents that are driven, also in the worker processes
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing
