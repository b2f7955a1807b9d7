"""Runs and sweeps, as `auxdrive compare` compares them. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auxdrive.comparing.base import Comparable, Found, Measured, Part, Result
from auxdrive.errors import ConfigError, DataError
from auxdrive.runs import NOT_IN_FINGERPRINT, RunFolder
from auxdrive.strict_yaml import read_yaml

from auxdrive_train.sweeping import SWEEP_NAME, is_sweep
from auxdrive_train.sweeping.folder import SweepFolder
from auxdrive_train.tasks.metrics import higher_is_better, metric_unit


def is_run(path: Path) -> bool:
    """Whether a run was begun there."""
    return RunFolder(path).is_run


def result_of(path: Path) -> Result:
    """The result of a run.

    Raises:
        DataError: the run has not finished training, or a file is damaged.
    """
    folder = RunFolder(path)
    measured, record = folder.result(), folder.record()
    try:
        config = read_yaml(folder.config_path)
    except ConfigError as error:
        raise DataError(f"{folder.config_path} is damaged: {error}") from error
    metrics = {
        Part(split, role): {
            name: Measured(value, metric_unit(name), higher_is_better(name))
            for name, value in values.items()
        }
        for split, roles in measured.metrics.items()
        for role, values in roles.items()
    }
    return Result(
        path=path,
        seed=record.seed,
        name=record.method,
        settings=dict(_flat(config)),
        rules={"task": record.task},
        measured_on={"data": record.dataset_sha256},
        made_by={
            "auxdrive": record.auxdrive_version,
            "torch": record.torch,
            "commit": record.commit,
        },
        identity="",
        metrics=metrics,
        main_metrics=measured.main_metrics,
        floor=measured.floor,
    )


def _flat(values: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by `path.to.key`, except the seed and those that do not influence the result."""
    for key, value in values.items():
        if not within and (key in NOT_IN_FINGERPRINT or key == "seed"):
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{within}{key}.")
        else:
            yield f"{within}{key}", value


def results_of_sweep(path: Path) -> Found:
    """The results of a sweep's finished runs; the others are reported as missing.

    Raises:
        DataError: a record of the sweep is damaged.
    """
    folder = SweepFolder(path)
    failures = folder.failures()
    results, holes = [], {}
    for name in folder.names():
        run = folder.run(name)
        if name in failures and not run.is_finished:
            holes[run.path] = f"failed: {failures[name]}"
        elif not run.is_run:
            holes[run.path] = "has not been begun; `auxdrive sweep --resume` goes on"
        else:
            try:
                results.append(result_of(run.path))
            except DataError as error:
                holes[run.path] = str(error)
    return Found(tuple(results), holes)


RUNS = Comparable("runs", "runs", "config.yaml", is_run, lambda path: Found((result_of(path),)))
SWEEPS = Comparable("sweeps", "runs", SWEEP_NAME, is_sweep, results_of_sweep)
