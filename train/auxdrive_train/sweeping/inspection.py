"""Inspecting a sweep: what it trains, how far each of its runs is, and what is damaged. Needs no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auxdrive.errors import AuxdriveError, DataError
from auxdrive.runs import RunFolder
from auxdrive.storage.reading import exists
from auxdrive.strict_yaml import read_yaml

from auxdrive_train.sweeping import SWEEP_NAME
from auxdrive_train.sweeping.config import SweepConfig, parse_sweep
from auxdrive_train.sweeping.folder import SweepFolder, SweepState


def summarise_sweep(path: Path) -> dict[str, Any]:
    """Everything that `auxdrive inspect` shows of a sweep. Damage is listed under `broken` and does
    not stop it; what is damaged in a run, `auxdrive inspect` of the run lists.
    """
    folder, broken = SweepFolder(path), list[str]()
    config = _config(path / SWEEP_NAME, broken)
    failures = _failures(folder, broken)
    names = _names(folder, broken)
    states = [folder.state(name, failures) for name in names]
    runs = [_run(state, folder.run(state.name), broken) for state in states]
    doubts = [f"{each.name} failed: {each.reason}" for each in states if each.state == "failed"]
    doubts += [
        f"runs/{name}: belongs to no run of this sweep"
        for name in folder.names_found()
        if name not in names
    ]
    return {
        "kind": "sweep",
        "path": str(path),
        "sweep": None if config is None else config.model_dump(mode="json"),
        "finished": sum(each.state == "finished" for each in states),
        "runs": runs,
        "broken": broken,
        "doubts": doubts,
    }


def _config(path: Path, broken: list[str]) -> SweepConfig | None:
    """What the sweep trains; None where that cannot be read.

    Args:
        path: of `sweep.yaml`.
        broken: gets a sentence where it cannot.
    """
    try:
        return parse_sweep(read_yaml(path), path.name)
    except AuxdriveError as error:
        broken.append(str(error))
        return None


def _failures(folder: SweepFolder, broken: list[str]) -> Mapping[str, str]:
    """Why runs failed, by name; nothing where that cannot be read.

    Args:
        folder: of the sweep.
        broken: gets a sentence where it cannot.
    """
    try:
        return folder.failures()
    except DataError as error:
        broken.append(str(error))
        return {}


def _names(folder: SweepFolder, broken: list[str]) -> tuple[str, ...]:
    """The names of the sweep's runs; of those that were begun where no others are known.

    Args:
        folder: of the sweep.
        broken: gets a sentence where the record of the names cannot be read.
    """
    try:
        return folder.names()
    except DataError as error:
        broken.append(str(error))
        return folder.names_found()


def _run(state: SweepState, folder: RunFolder, broken: list[str]) -> dict[str, Any]:
    """A run of the sweep, and the best epoch of a finished one.

    Args:
        state: how far it is.
        folder: of the run.
        broken: gets a sentence where its result is damaged.
    """
    if state.state == "begun" and state.reason:
        broken.append(f"{state.name}: {state.reason}")
    result = folder.result() if state.state == "finished" else None
    best = {} if result is None else {name: result.best[name] for name in result.main_metrics}
    return {
        "name": state.name,
        "state": state.state,
        "reason": state.reason,
        "epochs": _epochs(folder),
        "best": best,
    }


def _epochs(folder: RunFolder) -> int:
    if not exists(folder.metrics_path):
        return 0
    return sum(record is not None for _, record in folder.epoch_lines())
