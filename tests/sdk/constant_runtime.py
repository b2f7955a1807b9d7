"""A runtime of somebody else's package that runs nothing: its outputs hold one number, its option,
in the shapes that the card gives. A second name of that package stands for nothing.
"""

from __future__ import annotations

from pathlib import Path

from foreign_packages import install_package

SOURCE = """
import numpy as np
from auxdrive.runtimes import RuntimeSpec
from auxdrive.strict import Strict


class Options(Strict):
    number: float = 0.0


class Constant:
    providers = ("no graph: a constant, for tests",)

    def __init__(self, inputs, outputs, number):
        self.inputs = {spec.name: np.zeros(spec.shape, spec.dtype) for spec in inputs}
        self.outputs = {spec.name: np.full(spec.shape, number, spec.dtype) for spec in outputs}

    def run(self, deadline_s=None):
        pass

    def close(self):
        pass


def open_constant(model, inputs, outputs, device, threads, options):
    assert isinstance(model, bytes) and threads >= 1
    return Constant(inputs, outputs, options.number)


CONSTANT = RuntimeSpec(
    "constant_for_tests", open_constant, ("here", "nowhere"), "numpy", "",
    lambda: {"version": np.__version__, "devices": {"here": "", "nowhere": "there is no such"}},
    Options,
)
"""
ROWS = {"constant_for_tests": "constants_module:CONSTANT", "broken": "constants_module:nothing"}


def install_constant(site: Path) -> None:
    """Put the package into a folder that is, or will be, on the path."""
    install_package(site, "constants", "auxdrive.runtimes", ROWS, SOURCE)
