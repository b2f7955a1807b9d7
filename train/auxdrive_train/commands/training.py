"""How a command runs a training: it shows the progress, and tells the user how to continue after
Ctrl-C.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from auxdrive import console

if TYPE_CHECKING:
    from auxdrive.runs import RunResult

    from auxdrive_train.engine.config import TrainConfig


def train_shown(config: TrainConfig, out: Path, resume: bool) -> RunResult:
    """Run `auxdrive_train.engine.train.train` with its progress on standard error.

    Args:
        config: how it is trained.
        out: the run's folder.
        resume: continue the run that `out` holds; otherwise it must not hold one.

    Returns:
        What `result.json` holds.
    """
    from auxdrive.runs import RunFolder

    from auxdrive_train.engine.train import train

    def what_stays() -> str:
        stays = f"finished epochs are in {out}, and the same command with --resume goes on"
        return stays if RunFolder(out).is_run else ""

    with console.interruptible(what_stays):
        return train(config, out, resume, progress=console.progress)
