"""Simulators: their protocol, the table of them, settings that make one, and the embedded
simulator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auxdrive.registry import Registry, instance_of

if TYPE_CHECKING:
    from auxdrive_eval.simulators.base import SimulatorSpec


SIMULATORS: Registry[SimulatorSpec[Any]] = Registry(
    "simulator",
    "auxdrive.simulators",
    check=instance_of("auxdrive_eval.simulators.base:SimulatorSpec"),
)
"""Our own simulators are entry points in pyproject.toml too, where `auxdrive doctor` finds them."""
DEFAULT_SIMULATOR = "embedded"
