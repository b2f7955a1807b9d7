"""What the entry point `auxdrive.agents` loads: a run's networks as agents. Cheap to import; torch
comes with the first run.
"""

from __future__ import annotations

from pathlib import Path

from auxdrive.agent import Agent
from auxdrive.runs import RunFolder
from auxdrive.storage.reading import is_folder


def load_agent(path: Path, role: str = "student", threads: int | None = 1) -> Agent | None:
    """The network of a run that `role` names, to be driven in torch; None where the path is no run.

    Args:
        path: a directory that `auxdrive train` wrote.
        role: "student", "teacher", or another role of the run's method.
        threads: CPU threads of torch within a call; None leaves torch as it is. One by default, so
            that a result does not depend on how many processes share the machine.

    Raises:
        UsageError: the run has no such role (the message lists those that it has), or threads is
            below 1.
        DataError: the run has not finished an epoch, or is damaged.
    """
    path = Path(path)
    folder = RunFolder(path)
    if not folder.is_run or not is_folder(folder.checkpoints_dir):
        return None
    from auxdrive_train.agents.torch_agent import RunAgent
    from auxdrive_train.engine.load import load_run

    return RunAgent(load_run(path), role, threads)
