"""A trained run, loaded from its folder: to be exported, driven or measured further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auxdrive.cards import DatasetCard, InputRange
from auxdrive.errors import DataError, UsageError, unknown_name
from auxdrive.runs import RunFolder, RunRecord
from auxdrive.strict import read_model
from torch import nn

from auxdrive_train.engine import checkpoint as files
from auxdrive_train.engine.config import TrainConfig, finished_config
from auxdrive_train.engine.ended_roles import roles_at_their_end
from auxdrive_train.engine.prepare import build_finished
from auxdrive_train.engine.progress import Progress
from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.methods.stored import StoredStudent
from auxdrive_train.models.networks import Network
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task


@dataclass(frozen=True)
class Run:
    """A trained run, loaded: its networks hold the best weights, in evaluation mode on the CPU.

    `roles` holds by role the network that `result.json` gives the metrics of: the student with its
    best weights, another as it stood at the end of its own phase (a copy, where it
    shares what was trained on later).
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
        """The network that was measured under that name.

        Raises:
            UsageError: the run has none of that name; the message lists those that it has.
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
        """What the ego inputs of its training samples held; None for runs of before that was
        recorded.

        Raises:
            DataError: run.json is damaged there.
        """
        found = self.record.input_ranges
        if found is not None and found.keys() != set(self.task.ego.names):
            raise DataError(
                f"{self.directory}: the input_ranges of run.json are damaged: they are of "
                f"{', '.join(found) or 'no input'}"
            )
        return found


def load_run(directory: Path) -> Run:
    """Load a run's weights, as they were measured.

    Raises:
        DataError: no run there, it has not finished an epoch, or a file is damaged.
    """
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
    method, networks = build_finished(config, task)
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
    """The student's weights of a method that is not known here."""
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
