"""UMT's deciding trick: whether modalities have something to tell each other (UMT/UME, Du et al.
2023, section 4.3). Where a linear head on the frozen features of uni-modal encoders is better than
the mean of the uni-modal predictions, a fusion can win by features that come of several modalities,
and UMT is to be used; else UME.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from auxdrive.errors import UsageError
from auxdrive.strict import Strict
from auxdrive.work import ShowProgress, no_progress

from auxdrive_train.evaluation.probe import frames_of, linear, seen_by
from auxdrive_train.methods.ume import UME
from auxdrive_train.models.ensemble import ENSEMBLE


class Decision(Strict):
    """What the trick says.

    Attributes:
        run: of `ume`, whose networks were compared.
        main_metric: the task's metric by which they were.
        split: on which.
        linear_head: its value for a linear head on all encoders' features.
        mean_of_predictions: its value for the mean of the networks' predictions.
        alone: its value for each network, by role.
        decision: the method to be used. Of equal values the simpler one, UME.
    """

    run: str
    main_metric: str
    split: str
    linear_head: float
    mean_of_predictions: float
    alone: dict[str, float]
    decision: Literal["umt", "ume"]


def decide(
    path: Path,
    data: Sequence[Path] = (),
    split: str = "val",
    progress: ShowProgress = no_progress,
) -> Decision:
    """Compare a linear head on a run's frozen uni-modal encoders with the mean of what its networks
    predict.

    Args:
        path: a run of the method `ume`.
        data: the data set's folders; none: those that the run was trained on.
        split: on which both are measured.
        progress: shows how far it is.

    Raises:
        UsageError: the run is of another method, or there is no such split.
        DataError: there is no run, or its data are not there any more or are others.
    """
    frames = frames_of(path, data, split, progress)
    run, fitted, measured = frames.run, frames.fitted, frames.measured
    if not isinstance(run.method, UME):
        raise UsageError(
            f"{path}: is a run of '{run.config.method}', and what is compared are the networks of "
            "`auxdrive train --method ume`"
        )
    task, steering = run.task, measured.card.steering
    main = task.primary_metric
    features, asked, alone = [], [], {}
    for role, network in run.roles.items():
        if role == ENSEMBLE:
            continue
        known, _ = seen_by(network, fitted)
        there, predicted = seen_by(network, measured)
        features += list(known.values())
        asked += list(there.values())
        alone[role] = task.metrics(predicted, measured.label, steering)[main]
    joined = linear(
        np.concatenate(features, axis=1), fitted, np.concatenate(asked, axis=1), measured
    )
    head = task.metrics(joined, measured.label, steering)[main]
    _, together = seen_by(run.roles[ENSEMBLE], measured)
    mean = task.metrics(together, measured.label, steering)[main]
    better = head > mean if task.higher_is_better else head < mean
    return Decision(
        run=str(path),
        main_metric=main,
        split=split,
        linear_head=head,
        mean_of_predictions=mean,
        alone=alone,
        decision="umt" if better else "ume",
    )
