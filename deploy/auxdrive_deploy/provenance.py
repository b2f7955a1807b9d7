"""Where a run's student comes from, as the card says it."""

from __future__ import annotations

from auxdrive.cards import Provenance
from auxdrive.errors import DataError
from auxdrive.runs import RunResult
from auxdrive_train.engine.checkpoint import content_sha256
from auxdrive_train.engine.load import Run
from auxdrive_train.engine.run_folder import config_sha256
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.stored import StoredStudent
from torch import nn


def provenance_of(run: Run, result: RunResult) -> Provenance:
    """The origin of a run's student: data, commit, settings, seed and the networks that it was
    trained with.

    Args:
        run: the run.
        result: what it measured.

    Raises:
        DataError: what the run says of its origin is damaged.
    """
    start = run.record.init_from
    try:
        return Provenance(
            method=run.config.method,
            backbone=run.config.backbone,
            auxiliaries=run.config.aux,
            dataset=run.card.name,
            dataset_sha256=run.record.dataset_sha256,
            commit=run.record.commit,
            seed=run.config.seed,
            epochs=sum(phase.epochs for phase in result.phases),
            auxdrive_version=run.record.auxdrive_version,
            measured_on={split: each.how for split, each in run.record.measured_on.items()},
            config_sha256=config_sha256(run.config),
            weights_sha256=weights_sha256(run.roles[STUDENT]),
            trained_with=_others(run),
            init_from_sha256=None if start is None else start.sha256,
            fine_tuned_for=run.config.quantize,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{run.directory}: run.json or result.json is damaged: {error}") from error


def weights_sha256(network: nn.Module) -> str:
    """The SHA-256 of a network's weights: over name, type, shape and bytes of each tensor."""
    return content_sha256({}, network.state_dict())


def _others(run: Run) -> dict[str, str] | None:
    """The weights of the run's other roles; None where the method is not known here, so that they
    cannot be told.
    """
    if isinstance(run.method, StoredStudent):
        return None
    return {role: weights_sha256(network) for role, network in run.roles.items() if role != STUDENT}
