"""What a reproduction is, and the workshop in which its runs are trained."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from auxdrive.errors import AuxdriveError, DataError
from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import run_each, workers_of
from auxdrive.runs import RunFolder, RunResult
from auxdrive.work import ShowProgress, Work, no_progress

from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from auxdrive_train.reproduce.findings import Budget, Findings


@dataclass
class Workshop:
    """Where a reproduction's data and runs are, and how they are trained. What is finished is not
    trained again.

    Attributes:
        folder: of everything.
        budget: how much may be spent.
        data: what the user gave: a data set, or a file of one.
        workers: how many runs train side by side.
        progress: shows how far it is.
        trained: by name, the results of the runs so far.
    """

    folder: Path
    budget: Budget
    data: Path | None = None
    workers: int | Workers = 1
    progress: ShowProgress = no_progress
    trained: dict[str, RunResult] = field(default_factory=dict)

    def results(self, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, RunResult]:
        """Train runs, each in one thread, and give their results.

        Args:
            wanted: by name, the settings of each.

        Raises:
            ConfigError: settings have mistakes; nothing is trained then.
            DataError: a run failed; the others are finished.
        """
        configs = {name: parse_config({"threads": 1, **values}) for name, values in wanted.items()}
        runs = {name: self.folder / "runs" / name for name in configs}
        left = [name for name, path in runs.items() if not _is_finished(path)]
        jobs = [(name, configs[name], runs[name]) for name in left]
        who = workers_of(self.workers)
        work = Work("reproducing", "run", len(configs), at_once=who.count, many=True)
        failed: dict[str, Exception] = {}
        with self.progress(work) as shown:
            shown.found(len(configs) - len(left))
            with closing(run_each(_Trainer, jobs, who)) as done:
                for (name, _, _), result in done:
                    if isinstance(result, Exception):
                        failed[name] = result
                    shown.done(1, name)
        if failed:
            name, error = next(iter(failed.items()))
            raise DataError(
                f"{len(failed)} of {len(configs)} runs failed, the first {runs[name]}: {error}. "
                "The same command goes on where it was"
            ) from error
        found = {name: RunFolder(path).result() for name, path in runs.items()}
        self.trained |= found
        return found


class Reproduction(ABC):
    """A table or figure of a paper. Subclasses have a row in `REPRODUCTIONS`.

    Attributes:
        name: as in `REPRODUCTIONS`.
        title: of the paper's table.
        takes: what `--data` is for; empty where it needs none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    takes: ClassVar[str] = ""

    @abstractmethod
    def find(self, workshop: Workshop) -> Findings:
        """Make the data, train what is needed, and hold it against the paper.

        Args:
            workshop: where that is done.

        Raises:
            AuxdriveError: something that the user can correct.
        """

    def found(self, workshop: Workshop, settings: Mapping[str, Any], **parts: Any) -> Findings:
        """What was found, under the reproduction's name.

        Args:
            workshop: where it was found.
            settings: by which everything was trained.
            **parts: the other fields of `Findings`.
        """
        return Findings(
            name=self.name,
            title=self.title,
            budget=workshop.budget,
            settings={key: str(value) for key, value in settings.items()},
            **parts,
        )


class _Trainer:
    """Trains runs, one after the other, in a process of its own."""

    def __init__(self) -> None:
        # hundreds of short runs, of which nobody reads the log
        logging.getLogger("auxdrive_train").setLevel(logging.WARNING)

    def __call__(self, job: tuple[str, TrainConfig, Path]) -> None:
        _, config, path = job
        train(config, path, resume=RunFolder(path).is_run)

    def close(self) -> None:
        """Does nothing: there is nothing to release."""


def _is_finished(path: Path) -> bool:
    try:
        return RunFolder(path).is_run and RunFolder(path).is_finished
    except AuxdriveError:
        return False


def percent(result: RunResult, role: str, split: str = "test", metric: str = "acc_top1") -> float:
    """A share of a run's result in per cent.

    Args:
        result: of the run.
        role: whose.
        split: on which it was measured.
        metric: which.

    Raises:
        DataError: it is not finite.
    """
    value = result.metrics[split][role][metric]
    if value is None:
        raise DataError(f"{metric} of the role '{role}' is not finite: its training has diverged")
    return 100.0 * value
