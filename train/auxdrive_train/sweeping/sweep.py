"""Train a sweep: run by run, in processes of their own, and continue it after it was stopped. A run
is written where it is trained, so workers on other machines share the sweep's folder and the data.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxdrive.data.dataset import Dataset
from auxdrive.errors import AuxdriveError, DataError, UsageError
from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import run_each, workers_of
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from auxdrive.storage.claims import claim
from auxdrive.storage.folders import held
from auxdrive.storage.reading import is_folder
from auxdrive.work import Shown, ShowProgress, Work, no_progress

from auxdrive_train.data.deriving import derive_missing
from auxdrive_train.engine.run_folder import RUN
from auxdrive_train.engine.train import train
from auxdrive_train.sweeping.config import SweepConfig
from auxdrive_train.sweeping.folder import SWEEP, SweepFolder, SweepState
from auxdrive_train.sweeping.members import Member, members_of

_LOG = logging.getLogger(__name__)
_LET_GO_S = 30.0


def sweep_states(sweep: SweepConfig, out: Path) -> list[SweepState]:
    """How far each run is. Nothing is trained or written.

    Args:
        sweep: what it trains.
        out: the sweep's folder; it need not exist.

    Returns:
        A state per run, in the order in which they are trained.

    Raises:
        ConfigError: the runs' mistakes.
        DataError: a record of the sweep is damaged.
    """
    return _states(SweepFolder(out), members_of(sweep))


def run_sweep(
    sweep: SweepConfig,
    out: Path,
    resume: bool = False,
    workers: int | Workers = 1,
    progress: ShowProgress = no_progress,
) -> list[SweepState]:
    """Train every run of a sweep that is not finished.

    A run that fails, or whose process dies, is recorded with the reason, and the others go on. A
    sweep that was killed can be continued with `resume`: finished runs are left alone, runs that
    were begun go on from their last epoch, failed runs are tried again, and all end with the same
    weights, bit for bit. Methods and seeds may then be added.

    Args:
        sweep: what is trained.
        out: the sweep's folder.
        resume: continue the sweep that `out` holds.
        workers: how many runs train side by side on this machine, or `RayWorkers`, whose nodes must
            share `out` and the data; results do not depend on it.
        progress: shows how far it is.

    Returns:
        How far each run is at the end.

    Raises:
        ConfigError: the runs' mistakes, before anything is trained.
        UsageError: `out` is in use by another process, or holds something else.
        DataError: the data set cannot be read, or a record of the sweep is damaged.
    """
    who = workers_of(workers)
    members, folder = members_of(sweep), SweepFolder(out)
    _derive(members, progress)
    with claim(out, sweep, SWEEP, resume):
        folder.write(sweep, [member.name for member in members])
        states = _states(folder, members)
        left = [
            member for member, each in zip(members, states, strict=True) if each.state != "finished"
        ]
        work = Work("sweep", "run", len(members), at_once=who.count)
        with progress(work) as shown:
            shown.found(len(members) - len(left))
            _train_each(folder, left, who, shown)
        return _states(folder, members)


def takes_of(sweep: SweepConfig) -> dict[str, float]:
    """What a worker that trains takes of a machine that it shares with others.

    Args:
        sweep: what is trained.

    Returns:
        Amounts by the names CPU and GPU.

    Raises:
        ConfigError: the runs' mistakes.
    """
    configs = [member.config for member in members_of(sweep)]
    gpus = {"GPU": 1.0} if any(config.device == "cuda" for config in configs) else {}
    return {"CPU": float(max(config.threads for config in configs)), **gpus}


def _train_each(
    folder: SweepFolder, members: Sequence[Member], workers: Workers, shown: Shown
) -> None:
    """Train runs, and record which of them failed and why."""
    failures = dict(folder.failures())
    jobs = [(member, folder.run(member.name).path.absolute()) for member in members]
    data = dict.fromkeys(path for member in members for path in member.config.data)
    make = _MakeTrainer(folder.path.absolute(), folder.sha256, tuple(data))
    with closing(run_each(make, jobs, workers)) as results:
        for (member, path), result in results:
            failures.pop(member.name, None)
            if isinstance(result, Exception):
                failures[member.name] = _reason(result)
                _LOG.warning("%s failed: %s", path, failures[member.name])
            folder.write_failures(failures)
            shown.done(1, member.name)


@dataclass(frozen=True, slots=True)
class _MakeTrainer:
    """Makes a worker that trains."""

    sweep: Path
    sha256: str
    data: tuple[Path, ...]

    def __call__(self) -> _Trainer:
        return _Trainer()

    def check_machine(self) -> None:
        folder = SweepFolder(self.sweep)
        if not folder.is_sweep or folder.sha256 != self.sha256:
            raise UsageError(f"{self.sweep} is not the sweep's folder. {_SHARED}")
        if lacking := [str(path) for path in self.data if not is_folder(path)]:
            raise UsageError(f"there is no {', '.join(lacking)}. {_SHARED}")


_SHARED = (
    "Runs are written where they are trained: --out and the data must lie in folders that all "
    "nodes share, under the same paths"
)


class _Trainer:
    """Trains runs, one after the other, in a process of its own."""

    def __call__(self, job: tuple[Member, Path]) -> None:
        member, path = job
        _wait_until_let_go(path)
        with _named_log(member.name):
            train(member.config, path, resume=RunFolder(path).is_run)

    def close(self) -> None:
        """Does nothing: there is nothing to release."""


def _wait_until_let_go(run: Path) -> None:
    """Wait for a worker that was lost and had begun the run: it may end a moment later than the
    news of it comes. If it does not, training tells.
    """
    end_s = time.monotonic() + _LET_GO_S
    while is_folder(run) and time.monotonic() < end_s:
        try:
            with held(run):
                return
        except UsageError:
            time.sleep(0.1)


@contextmanager
def _named_log(name: str) -> Iterator[None]:
    """Begin log messages with the run's name, since several runs log side by side."""
    before = logging.getLogRecordFactory()

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = before(*args, **kwargs)
        made.msg, made.args = f"{name}: {made.getMessage()}", ()
        return made

    logging.setLogRecordFactory(record)
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)


def _derive(members: Iterable[Member], progress: ShowProgress) -> None:
    """Compute derived modalities before any run begins, since otherwise several processes would
    write them.
    """
    wanted: dict[tuple[Path, ...], dict[Modality, None]] = {}
    for member in members:
        seen = wanted.setdefault(member.config.data, {})
        seen |= dict.fromkeys((member.config.main, *member.config.aux))
    for data, modalities in wanted.items():
        derive_missing(Dataset.open(data), modalities, progress)


def _states(folder: SweepFolder, members: Iterable[Member]) -> list[SweepState]:
    failures = folder.failures()
    return [_state(folder, member, failures) for member in members]


def _state(folder: SweepFolder, member: Member, failures: dict[str, str]) -> SweepState:
    run = folder.run(member.name)
    if run.is_run and run.is_finished:
        _refuse_another(run.path, run.config_path, member)
    return folder.state(member.name, failures)


def _refuse_another(path: Path, config_path: Path, member: Member) -> None:
    different = RUN.differences(RUN.read(config_path), member.config)
    if different:
        raise DataError(
            f"{path}: holds another run than the sweep's: {'; '.join(different)}. Move it away"
        )


def _reason(error: Exception) -> str:
    """What went wrong. For an unexpected error, the last line of its traceback comes first."""
    text = str(error)
    if isinstance(error, AuxdriveError):
        return text
    last = text.rstrip().rpartition("\n")[2]
    return f"{last} (not foreseen; please report it)\n{text}"
