"""Weights & Biases. Nothing is sent unless WANDB_MODE is "online"; what is stored in the run's
folder can be sent later with `wandb sync`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists, read_bytes

from auxdrive_train.trackers.contract import TrackedRun

PROJECT = "auxdrive"
FOLDER = "wandb"
_ID_NAME = "run_id.txt"
_LONGEST_ID = 100


class WeightsAndBiases:
    """One wandb run for each run's folder, also after a resume. WANDB_PROJECT, WANDB_ENTITY and
    WANDB_MODE are left to the user. Nothing is recorded of the machine, its code or its packages.
    """

    def on_start(self, run: TrackedRun) -> None:
        """Begin the wandb run, or continue it."""
        folder = run.folder.resolve() / FOLDER
        folder.mkdir(exist_ok=True)
        self._is_alone = wandb.run is None
        self._environment = _changed_environment(folder)
        try:
            self._run = self._begin(run, folder)
        except BaseException:
            _put_back(self._environment)
            raise

    def _begin(self, run: TrackedRun, folder: Path) -> Any:
        mode: Any = os.environ.get("WANDB_MODE", "offline")
        return wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run.name,
            id=_own_id(folder),
            resume="allow",
            reinit="create_new",  # a wandb run that the program itself has begun goes on
            dir=str(folder.parent),
            config=dict(run.config),
            mode=mode,
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, disable_code=True,
                disable_job_creation=True, x_disable_stats=True, x_disable_meta=True,
                x_disable_machine_info=True, x_save_requirements=False,
            ),
        )  # fmt: skip

    def on_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log the numbers.

        Args:
            step: optimiser steps since the run began.
            metrics: as for `Tracker.on_metrics`.
        """
        self._run.log(dict(metrics), step=step)

    def on_end(self) -> None:
        """Finish the wandb run; also end wandb's process, unless another wandb run needs it."""
        try:
            self._run.finish()
            if self._is_alone:
                wandb.teardown()
        finally:
            _put_back(self._environment)


def _changed_environment(folder: Path) -> dict[str, str | None]:
    """Make wandb store everything in the folder, and send no error reports. Returns the environment
    variables as they were before.
    """
    wanted = {
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_DATA_DIR": str(folder / "data"),
        "WANDB_ARTIFACT_DIR": str(folder / "artifacts"),
        "WANDB_ERROR_REPORTING": "false",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    return before


def _put_back(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _own_id(folder: Path) -> str:
    path = folder / _ID_NAME
    if not exists(path):
        write_atomic(path, uuid.uuid4().hex.encode())
    return read_bytes(path, _LONGEST_ID).decode()
