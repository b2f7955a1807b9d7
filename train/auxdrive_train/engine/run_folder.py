"""The run's directory: whose it is, and taking it. Nothing is written before everything has been
checked.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from auxdrive.data.dataset import Dataset
from auxdrive.errors import UsageError
from auxdrive.storage.folders import refuse_occupied
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists, make_folder

from auxdrive_train.engine.config import TrainConfig, dump_config, load_config

CONFIG_NAME = "config.yaml"
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
