"""Measuring after training: `result.json`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from auxdrive.runs import RunResult
from auxdrive.storage.publish import write_atomic
from auxdrive.strict import dump_json, plain

from auxdrive_train.engine import checkpoint as files
from auxdrive_train.engine.ended_roles import phases_of, primary_of, roles_at_their_end
from auxdrive_train.engine.evaluate import counted, measure, predict_roles
from auxdrive_train.engine.floor import floors
from auxdrive_train.engine.prepare import Parts
from auxdrive_train.engine.progress import Progress
from auxdrive_train.engine.validation import write_validation
from auxdrive_train.models.training_only import finished_networks

_LOG = logging.getLogger(__name__)


def write_result(parts: Parts, progress: Progress) -> RunResult:
    """Measure every role on the validation part and on the further splits of the config, and write
    `result.json`. The student is measured with its best weights, any other role as it was when its
    own phase ended. The metrics of predictions that need no network (`floors`) are added.

    Args:
        parts: what the run was trained with; its networks get the best weights.
        progress: where training ended.

    Returns:
        What the file holds; numbers that are not finite are None.

    Raises:
        DataError: the best checkpoint is missing or damaged, or the disk is full or not writable.
    """
    config, method, steering = parts.config, parts.method, parts.validation.card.steering
    best = parts.folder.best_path
    stored = files.load(best)
    files.restore(finished_networks(parts.networks), stored.networks, best.name)
    roles = roles_at_their_end(method, parts.networks, stored.roles, best.name)
    primary = primary_of(method, parts.networks)
    measured: dict[str, Mapping[str, Any]] = {}
    splits = {"val": parts.validation, **parts.further}
    for name, samples in splits.items():
        _LOG.info(f"measuring on '{name}': {len(samples)} samples, {', '.join(roles)}")
        predictions = predict_roles(roles, samples, parts.fabric.device)
        metrics: dict[str, Any] = dict(measure(roles, predictions, samples, steering))
        extra = method.report(
            predictions,
            samples.label,
            {role: counted(network, samples) for role, network in roles.items()},
        )
        measured[name] = {**metrics, **({"all": extra} if extra else {})}
        if samples is parts.validation:
            rows = counted(roles[primary], samples)
            write_validation(parts, primary, predictions[primary], rows)
    written = progress.model_dump(mode="json")  # NaN becomes null there, since JSON has none
    result = {
        "method": config.method,
        "best": {
            "phase": progress.best_phase,
            "epoch": progress.best_epoch,
            method.task.primary_metric: written["best"],
        },
        "roles": phases_of(roles, primary, progress.best_phase, stored.progress.history),
        "phases": written["history"],
        "steps": progress.step,
        "trained_s": progress.trained_s,
        "metrics": measured,
        "floor": floors(parts.recorded, splits, config.main, config.preprocessing, steering),
    }
    # the result as its file has it: numbers that are not finite are None
    made = RunResult.model_validate(plain(result))
    write_atomic(parts.folder.result_path, dump_json(made.model_dump(mode="json")))
    return made
