"""The run's directory: whose it is, taking it, and what it keeps of where it came from. Nothing is
written before everything has been checked.
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
from auxdrive.storage.folders import refuse_occupied
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists, make_folder
from auxdrive.strict import dump_json

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config import TrainConfig, dump_config, load_config

CONFIG_NAME = "config.yaml"
BEST = "best.safetensors"
LAST = "last.safetensors"
REFERENCE_FRAMES = 32
# What may differ between a run and its resume: where the data lie, what is measured after training,
# and the machine. A different number of threads or another device rounds differently: the resumed
# run is as good, but not the same to the last bit.
NOT_IN_FINGERPRINT = {"data", "prefetch", "evaluate", "device", "threads"}


def fingerprint(config: TrainConfig, dataset: Dataset) -> str:
    """SHA-256 over the data and every setting that changes what is computed."""
    kept = {
        key: value
        for key, value in config.model_dump(mode="json").items()
        if key not in NOT_IN_FINGERPRINT
    }
    return hashlib.sha256(
        json.dumps([kept, dataset.fingerprint()], sort_keys=True).encode()
    ).hexdigest()


def refuse_foreign(out: Path, config: TrainConfig, resume: bool) -> None:
    """Refuse a directory that this run may not have; writes nothing.

    Raises:
        UsageError: it holds another run, or something else; or there is no run to resume.
    """
    path = out / CONFIG_NAME
    if not exists(path):
        if resume:
            raise UsageError(
                f"{out} holds no run that could be taken up; leave --resume out to start one there"
            )
        refuse_occupied(out, "no run")
        return
    if not resume:
        raise UsageError(
            f"{out} holds a run already; take it up with --resume, or choose another --out"
        )
    stored, asked = (
        load_config(path, {}, []).model_dump(mode="json"),
        config.model_dump(mode="json"),
    )
    changed = [key for key in asked if stored[key] != asked[key] and key not in NOT_IN_FINGERPRINT]
    if changed:
        lines = "\n".join(
            f"  - {key}: the run has {stored[key]!r}, asked for {asked[key]!r}" for key in changed
        )
        raise UsageError(
            f"{out} was started with other settings:\n{lines}\nLeave them out to resume, or choose "
            "another --out"
        )


def take(out: Path, config: TrainConfig) -> None:
    """Make the directory the run's.

    Raises:
        UsageError: it cannot be made.
    """
    make_folder(out, UsageError)
    write_atomic(out / CONFIG_NAME, dump_config(config).encode())
    make_folder(out / "checkpoints", UsageError)


def write_artefacts(
    out: Path,
    config: TrainConfig,
    dataset: Dataset,
    validation: SampleSet,
    findings: Mapping[str, Any],
) -> None:
    """What export needs, so that a run stands without its data: the card, real frames, and where
    the run came from.
    """
    write_atomic(out / "dataset.json", dataset.card.model_dump_json(indent=2).encode())
    record = {
        "auxdrive_version": auxdrive.__version__,
        "torch": torch.__version__,
        "commit": source_commit(),
        "dataset_sha256": dataset.fingerprint(),
        "seed": config.seed,
        # Also in config.yaml; here for `auxdrive inspect`, which reads no YAML.
        "method": config.method,
        "task": config.task,
        "backbone": config.backbone,
        "main": config.main,
        "aux": config.aux,
        **findings,
    }
    write_atomic(out / "run.json", dump_json(record))
    count = min(REFERENCE_FRAMES, len(validation))
    batch = validation.gather(np.linspace(0, len(validation) - 1, count).round().astype(np.int64))
    (out / "reference").mkdir(exist_ok=True)
    np.save(out / "reference" / "images.npy", batch.frames[config.main].numpy(), allow_pickle=False)
    np.save(out / "reference" / "ego.npy", batch.ego_be.numpy(), allow_pickle=False)


def source_commit() -> str:
    """The commit of the code that trains, with "+changes" where its checkout has some; empty where
    it runs from no checkout of its own.

    An environment may lie inside another project's repository: that commit says nothing, so this
    file must be tracked.
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
        except OSError:  # there is no git
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
