"""Runtimes of somebody else's package that run the real graph, and are wrong, crash or hang."""

from __future__ import annotations

from pathlib import Path

from foreign_packages import install_package

SOURCE = """
import os, signal, time
from dataclasses import replace
from auxdrive.runtimes.onnx_runtime import ONNX_RUNTIME

RUNS_BEFORE_CRASH = 100


class Odd:
    def __init__(self, session, after):
        self.inputs, self.outputs, self.providers = session.inputs, session.outputs, ("odd",)
        self._session, self._after, self._runs = session, after, 0

    def run(self, deadline_s=None):
        self._session.run(deadline_s)
        self._runs += 1
        self._after(self)

    def close(self):
        self._session.close()


def wrong(odd):
    for array in odd.outputs.values():
        array += 1.0


def crash(odd):
    if odd._runs > RUNS_BEFORE_CRASH:
        os.kill(os.getpid(), signal.SIGSEGV)


def opened(after):
    return lambda *given: Odd(ONNX_RUNTIME.open(*given), after)


def hang(*given):
    time.sleep(3600)


def row(name, open_it):
    probe = lambda: {"version": "1", "devices": {"cpu": ""}}
    return replace(ONNX_RUNTIME, name=name, open=open_it, devices=("cpu",), probe=probe)


WRONG, CRASHES = row("wrong", opened(wrong)), row("crashes", opened(crash))
HANGS = row("hangs", hang)
"""


def install_odd(site: Path) -> None:
    """Put the package into a folder that is, or will be, on the path."""
    points = {name: f"odd_runtimes_module:{name.upper()}" for name in ("wrong", "crashes", "hangs")}
    install_package(site, "odd_runtimes", "auxdrive.runtimes", points, SOURCE)
