"""Settings of a recording of two short episodes, and a folder's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auxdrive_eval.collecting.settings import CollectSettings, collect_settings
from auxdrive_eval.simulators.base import DEFAULT_CAMERA
from auxdrive_eval.simulators.embedded.spec import EmbeddedOptions
from auxdrive_eval.simulators.settings import SimulatorSettings

CAMERA = DEFAULT_CAMERA.model_copy(update={"width": 48, "height": 32})


def settings(**changes: Any) -> CollectSettings:
    """Two episodes of eight frames, but for what `changes` says."""
    values: dict[str, Any] = {
        "simulator": SimulatorSettings(options=EmbeddedOptions(traffic=2, camera=CAMERA)),
        "modalities": ("rgb", "depth"),
        "seed": 3,
        "route_seeds": (5, 6),
        "max_episode_s": 2.0,
        "episodes": 2,
    }
    return collect_settings(**(values | changes))


def tree(folder: Path) -> dict[str, bytes]:
    """What every file below a folder holds, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
