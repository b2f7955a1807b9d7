"""Simulators: the protocol, the table of them, the settings that make one, and the embedded one."""

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
"""Ours stand among the entry points in pyproject.toml, where `auxdrive doctor` finds them too."""
DEFAULT_SIMULATOR = "embedded"
