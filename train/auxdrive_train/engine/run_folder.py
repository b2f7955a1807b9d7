"""The run's folder: whether it belongs to this config, how it is begun, and what it stores of the
run's origin. Nothing is written before everything has been checked.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import auxdrive
import numpy as np
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.errors import UsageError
from auxdrive.runs import CONFIG_NAME, NOT_IN_FINGERPRINT, RunFolder, RunRecord
from auxdrive.storage.claims import FolderKind, changed
from auxdrive.storage.publish import published_file, write_atomic
from auxdrive.storage.reading import make_folder
from auxdrive.strict import dump_json

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import dump_config, load_config

REFERENCE_FRAMES = 32


def fingerprint(config: TrainConfig, dataset: Dataset) -> str:
    """SHA-256 of the data and of every setting that changes the result.

    Args:
        config: how the run is trained; settings that change no result (`NOT_IN_FINGERPRINT`) do
            not count.
        dataset: what it is trained on.

    Returns:
        64 hex digits.
    """
    return _sha256_of([_deciding(config), dataset.fingerprint()])


def config_sha256(config: TrainConfig) -> str:
    """SHA-256 of every setting that changes the result, without the data.

    Args:
        config: how the run is trained, as for `fingerprint`.

    Returns:
        64 hex digits.
    """
    return _sha256_of(_deciding(config))


def _deciding(config: TrainConfig) -> dict[str, Any]:
    return {
        key: value
        for key, value in config.model_dump(mode="json").items()
        if key not in NOT_IN_FINGERPRINT
    }


def _sha256_of(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _differences(before: TrainConfig, now: TrainConfig) -> list[str]:
    stored, asked = before.model_dump(mode="json"), now.model_dump(mode="json")
    return [
        changed(name, stored.get(name), asked.get(name))
        for name in dict.fromkeys((*asked, *stored))
        if stored.get(name) != asked.get(name) and name not in NOT_IN_FINGERPRINT
    ]


RUN: FolderKind[TrainConfig] = FolderKind(
    "a run",
    CONFIG_NAME,
    lambda path: load_config(path, {}, []),
    _differences,
)


def take(out: Path, config: TrainConfig) -> None:
    """Begin the run in this folder: write its config and make its sub-folders.

    Args:
        out: the run's folder; it need not exist.
        config: how the run is trained.

    Raises:
        UsageError: the folder cannot be made.
    """
    folder = RunFolder(out)
    make_folder(out, UsageError)
    write_atomic(folder.config_path, dump_config(config).encode())
    make_folder(folder.checkpoints_dir, UsageError)


def write_artefacts(
    out: Path,
    config: TrainConfig,
    dataset: Dataset,
    validation: SampleSet,
    findings: Mapping[str, Any],
) -> None:
    """Write what is needed to use the run without its data: the data set's card, the origin of the
    run, and real frames for the parity check.

    Args:
        out: the run's folder.
        config: how it is trained.
        dataset: the data set.
        validation: where the real frames are taken from.
        findings: further fields of `RunRecord`.
    """
    folder = RunFolder(out)
    write_atomic(folder.card_path, dataset.card.model_dump_json(indent=2).encode())
    record = RunRecord(
        auxdrive_version=auxdrive.__version__,
        torch=torch.__version__,
        commit=source_commit(),
        dataset_sha256=dataset.fingerprint(),
        seed=config.seed,
        method=config.method,
        task=config.task,
        backbone=config.backbone,
        main=config.main.value,
        aux=tuple(modality.value for modality in config.aux),
        **findings,
    )
    write_atomic(folder.record_path, dump_json(record.model_dump(mode="json")))
    count = min(REFERENCE_FRAMES, len(validation))
    batch = validation.gather(np.linspace(0, len(validation) - 1, count).round().astype(np.int64))
    make_folder(folder.reference_images_path.parent)
    for path, array in (
        (folder.reference_images_path, batch.frames[config.main].numpy()),
        (folder.reference_ego_path, batch.ego_be.numpy()),
        (folder.reference_labels_path, batch.label.numpy()),
    ):
        with published_file(path) as partial, partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)


def source_commit() -> str:
    """The git commit of the code that trains, with "+changes" if there are uncommitted changes;
    empty if the code is not in a git checkout of its own.

    An installed package may lie inside the repository of another project, whose commit would be
    wrong. So this file must be tracked by the repository.
    """
    here = Path(__file__)

    def git(*arguments: str) -> str | None:
        try:
            asked = subprocess.run(
                ["git", *arguments],
                cwd=here.parent,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except OSError:  # git is not installed
            return None
        return asked.stdout.strip() if asked.returncode == 0 else None

    head = (
        git("rev-parse", "HEAD")
        if git("ls-files", "--error-unmatch", here.name) is not None
        else None
    )
    return (
        ""
        if head is None
        else head + ("+changes" if git("status", "--porcelain", "-uno", "--", ":/") else "")
    )
