"""What the entry point `auxdrive.agents` loads: a run's networks as agents. Importing it is cheap;
torch is imported with the first run.
"""

from __future__ import annotations

from pathlib import Path

from auxdrive.agent import Agent
from auxdrive.extras import what_lacks
from auxdrive.runs import RunFolder, run_in
from auxdrive.storage.reading import is_folder


def load_agent(path: Path, role: str = "student", threads: int | None = 1) -> Agent | None:
    """A network of a run, to be driven in torch; None if the path is not a run.

    Args:
        path: a directory that `auxdrive train` wrote, or one of several runs, of which the chosen
            one is loaded (`auxdrive.runs.run_in`).
        role: "student", "teacher", or another role of the run's method.
        threads: torch's CPU threads during a call; None leaves them unchanged. With one, the
            default, a result does not depend on how many processes share the machine.

    Raises:
        UsageError: the run has no such role (the message lists its roles), or threads is below 1.
        DataError: the run has not finished an epoch, or is damaged.
        MissingExtra: torch, or what else loads a run, is not installed.
    """
    path = run_in(Path(path))
    folder = RunFolder(path)
    if not folder.is_run or not is_folder(folder.checkpoints_dir):
        return None
    try:
        from auxdrive_train.agents.torch_agent import RunAgent
        from auxdrive_train.engine.load import load_run
    except ImportError as error:
        if lacking := what_lacks("drive", error):
            raise lacking from error
        raise
    return RunAgent(load_run(path), role, threads)
