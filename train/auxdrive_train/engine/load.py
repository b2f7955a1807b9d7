"""Load a trained run from its folder, to export, drive or measure it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auxdrive.cards import DatasetCard, InputRange
from auxdrive.errors import DataError, UsageError, unknown_name
from auxdrive.runs import RunFolder, RunRecord, run_in
from auxdrive.strict import read_model
from torch import nn

from auxdrive_train.engine import checkpoint as files
from auxdrive_train.engine.building import build_finished
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import finished_config
from auxdrive_train.engine.ended_roles import roles_at_their_end
from auxdrive_train.engine.progress import Progress
from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.methods.stored import StoredStudent
from auxdrive_train.models.networks import Network
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task


@dataclass(frozen=True)
class Run:
    """A trained run: its networks have the best weights, in evaluation mode on the CPU.

    Attributes:
        directory: the run's folder.
        config: how it was trained.
        card: of the data set that it was trained on.
        task: what it predicts.
        method: how its networks belong together.
        networks: all of them, by name.
        roles: by role, the network whose metrics `result.json` has: the student with its best
            weights, any other as it was when its own phase ended (a copy, if it shares parts that
            were trained on later).
        progress: where training ended.
        record: what `run.json` says of its origin.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_train import load_run
        >>> run = load_run(Path("run"))
        >>> run.config.method, list(run.roles)
        ('baseline', ['student'])
        >>> run.network_of("student").modalities
        (<Modality.RGB: 'rgb'>,)
    """

    directory: Path
    config: TrainConfig
    card: DatasetCard
    task: Task
    method: Method
    networks: nn.ModuleDict
    roles: Mapping[str, Network]
    progress: Progress
    record: RunRecord

    @property
    def folder(self) -> RunFolder:
        """The paths of its files, and its records."""
        return RunFolder(self.directory)

    def network_of(self, role: str) -> Network:
        """The network that is measured and driven under a role.

        Raises:
            UsageError: the run has no such role; the message lists those that it has.
        """
        if role in self.roles:
            return self.roles[role]
        if isinstance(self.method, StoredStudent):
            raise UsageError(
                f"{self.directory}: the method '{self.config.method}' is not known here, so that "
                f"its student alone can be used and no '{role}'; register the method first"
            )
        raise UsageError(
            f"{self.directory} (method '{self.config.method}'): "
            f"{unknown_name('role', role, self.roles)}"
        )

    @property
    def input_ranges(self) -> dict[str, InputRange] | None:
        """The smallest and largest values of each ego input over the training samples; None for
        runs that did not record them.

        Raises:
            DataError: this part of run.json is damaged.
        """
        found = self.record.input_ranges
        if found is not None and found.keys() != set(self.task.ego.names):
            raise DataError(
                f"{self.directory}: the input_ranges of run.json are damaged: they are of "
                f"{', '.join(found) or 'no input'}"
            )
        return found


def load_run(directory: Path) -> Run:
    """Load a finished run, or one that has finished at least an epoch, with its best weights.

    Args:
        directory: the run's folder, or one of several runs, of which the chosen one is loaded
            (`auxdrive.runs.run_in`).

    Raises:
        UsageError: there are several runs, of which none is trained yet.
        DataError: there is no run, it has not finished an epoch, or a file is damaged.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_train import load_run
        >>> load_run(Path("run")).task.name
        'steering'
    """
    directory = run_in(directory)
    folder = RunFolder(directory)
    if not folder.is_run:
        raise DataError(
            f"{directory} is no run: it has no config.yaml. `auxdrive train --out {directory}` "
            "makes one"
        )
    config = finished_config(folder.config_path)
    card = read_model(folder.card_path, DatasetCard)
    record = folder.record()
    task = make_task(config.task, card)
    method, networks = build_finished(config, task, card)
    best = folder.best_path
    stored = files.load(best)
    if isinstance(method, StoredStudent):
        _restore_student(networks, stored, config.method, best)
        stored.roles = {}
    else:
        files.restore(networks, stored.networks, str(best))
    networks.eval().requires_grad_(False)
    roles = roles_at_their_end(method, networks, stored.roles, str(best))
    return Run(directory, config, card, task, method, networks, roles, stored.progress, record)


def _restore_student(
    networks: nn.ModuleDict, stored: files.Checkpoint, method: str, best: Path
) -> None:
    """Restore the student of a run whose method is not installed here."""
    weights = {
        name: tensor for name, tensor in stored.networks.items() if name.startswith(f"{STUDENT}.")
    }
    try:
        files.restore(networks, weights, str(best))
    except DataError as error:
        raise DataError(
            f"the method '{method}' is not known here, and it is needed, because its networks hold "
            "no plain student: register it first "
            f"(docs/methods.md). {error}"
        ) from error
