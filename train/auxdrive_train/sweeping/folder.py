"""The folder of a sweep. Needs no torch.

sweep.yaml        what it trains (`SweepConfig`); `auxdrive sweep` can read it
runs.json         the names of its runs
failures.json     for each run that failed, why
runs/<name>/      the runs (`auxdrive.runs`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auxdrive.errors import DataError, UsageError
from auxdrive.runs import NOT_IN_FINGERPRINT, RunFolder
from auxdrive.storage.claims import FolderKind, changed
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import entries, exists, is_folder, make_folder, read_bytes
from auxdrive.strict import MAX_JSON_BYTES, Strict, dump_json, read_model
from auxdrive.strict_yaml import dump_yaml, read_yaml

from auxdrive_train.sweeping import SWEEP_NAME, is_sweep
from auxdrive_train.sweeping.config import SweepConfig, parse_sweep

_RUNS_NAME, _FAILURES_NAME, _RUNS_DIR = "runs.json", "failures.json", "runs"


State = Literal["finished", "begun", "failed", "to do"]


@dataclass(frozen=True)
class SweepState:
    """How far a run of a sweep is.

    Attributes:
        name: the run's name.
        path: its folder.
        state: e.g. "finished", or "failed" if it failed when it was last tried.
        reason: why it failed.
    """

    name: str
    path: Path
    state: State
    reason: str = ""


class _Runs(Strict):
    runs: tuple[str, ...]


class _Failures(Strict):
    failures: dict[str, str]


@dataclass(frozen=True)
class SweepFolder:
    """The paths of a sweep's files, and its records.

    Attributes:
        path: the folder; it need not exist.
    """

    path: Path

    @property
    def is_sweep(self) -> bool:
        """Whether it holds a sweep."""
        return is_sweep(self.path)

    @property
    def sha256(self) -> str:
        """Hash of what it trains, by which another machine recognises the folder."""
        return hashlib.sha256(read_bytes(self.path / SWEEP_NAME, MAX_JSON_BYTES)).hexdigest()

    def run(self, name: str) -> RunFolder:
        """The run of that name."""
        return RunFolder(self.path / _RUNS_DIR / name)

    def names(self) -> tuple[str, ...]:
        """The names of all its runs, whether begun or not.

        Raises:
            DataError: the record is missing or damaged.
        """
        return read_model(self.path / _RUNS_NAME, _Runs).runs

    def failures(self) -> dict[str, str]:
        """By run, why it failed when it was last tried.

        Raises:
            DataError: the record is damaged.
        """
        path = self.path / _FAILURES_NAME
        return read_model(path, _Failures).failures if exists(path) else {}

    def names_found(self) -> tuple[str, ...]:
        """The names of all folders in `runs/`, whether they are runs of the sweep or not."""
        runs = self.path / _RUNS_DIR
        found = entries(runs) if is_folder(runs) else ()
        return tuple(sorted(each.name for each in found if is_folder(each)))

    def state(self, name: str, failures: Mapping[str, str]) -> SweepState:
        """How far a run is.

        Args:
            name: of the run.
            failures: why runs failed, as `failures` gives them.
        """
        run = self.run(name)
        if run.is_run and run.is_finished:
            try:
                run.result()
            except DataError as error:  # training will continue the run and write it anew
                return SweepState(name, run.path, "begun", str(error))
            return SweepState(name, run.path, "finished")
        if name in failures:
            return SweepState(name, run.path, "failed", failures[name])
        return SweepState(name, run.path, "begun" if run.is_run else "to do")

    def write(self, sweep: SweepConfig, names: Iterable[str]) -> None:
        """Write what the sweep trains, and the names of its runs. The folder is made if it is not
        there.

        Args:
            sweep: what it trains.
            names: the names of all its runs, whether begun or not.

        Raises:
            UsageError: the folder cannot be made.
            DataError: the disk is full or not writable.
        """
        make_folder(self.path, UsageError)
        runs = _Runs(runs=tuple(names))
        # written first, so that the folder is a sweep's even if this is killed
        write_atomic(self.path / SWEEP_NAME, dump_yaml(sweep.model_dump(mode="json")).encode())
        write_atomic(self.path / _RUNS_NAME, dump_json(runs.model_dump(mode="json")))

    def write_failures(self, failures: Mapping[str, str]) -> None:
        """Write why runs failed."""
        write_atomic(
            self.path / _FAILURES_NAME,
            dump_json(_Failures(failures=dict(failures)).model_dump(mode="json")),
        )


def _differences(before: SweepConfig, now: SweepConfig) -> list[str]:
    """What differs, except added methods and seeds: everything else decides what the runs are."""
    found = [
        changed(name, getattr(before, name), getattr(now, name))
        for name in ("vary",)
        if getattr(before, name) != getattr(now, name)
    ]
    old, new = _deciding(before), _deciding(now)
    found += [
        changed(f"base.{name}", old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    found += [
        changed(f"methods.{name}", own, now.methods.get(name, "not there"))
        for name, own in before.methods.items()
        if now.methods.get(name) != own
    ]
    lost = [seed for seed in before.seeds if seed not in now.seeds]
    if lost:
        found.append(f"seed {', '.join(map(str, lost))} was there and is not")
    return found


def _deciding(sweep: SweepConfig) -> dict[str, object]:
    return {name: value for name, value in sweep.base.items() if name not in NOT_IN_FINGERPRINT}


def _any_run(folder: Path) -> bool:
    runs = folder / _RUNS_DIR
    return is_folder(runs) and bool(entries(runs))


SWEEP: FolderKind[SweepConfig] = FolderKind(
    "a sweep",
    SWEEP_NAME,
    lambda path: parse_sweep(read_yaml(path), str(path)),
    _differences,
    _any_run,
)
