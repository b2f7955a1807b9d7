"""auxdrive_deploy: export to ONNX, precisions, bundle writing, parity with the trained student.

from auxdrive_deploy import write_bundle
from auxdrive_train import load_run

write_bundle(load_run(Path("runs/samd")), Path("bundles/samd"))
"""

import logging
from typing import TYPE_CHECKING

from auxdrive.fronts import front
from auxdrive.machine.openmp import wait_passively

if TYPE_CHECKING:
    from auxdrive_deploy.bundle_writer import write_bundle
    from auxdrive_deploy.precisions.making import PrecisionReport
    from auxdrive_deploy.precisions.plan import PrecisionPlan

__getattr__, __dir__ = front(__name__, {
    "bundle_writer": "write_bundle",
    "precisions.making": "PrecisionReport",
    "precisions.plan": "PrecisionPlan",
})  # fmt: skip

wait_passively()  # must run before torch is imported, as in auxdrive_train
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing

__all__ = ["PrecisionPlan", "PrecisionReport", "write_bundle"]
