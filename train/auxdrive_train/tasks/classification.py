"""The task classification: which of a data set's classes a frame is of.

Networks give probabilities. A label is the row that is 1 at the right class, so that labels, the
predictions of a teacher and the mean of several predictions are all of one form; `softened` raises
the temperature of such a row (Hinton, Vinyals, Dean 2015).

Legend: N samples, B samples of a batch, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from auxdrive.cards import DatasetCard
from auxdrive.errors import DataError
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.classification import LEAST_CLASSES
from auxdrive.types import AnyArray
from torch import Tensor, nn

from auxdrive_train.tasks.base import Labels, Task, check_predictions, check_state

MIRRORED_WORDS = ("left", "right")
SMALLEST = float(np.finfo(np.float32).tiny)
"""Probabilities below it count as this in logarithms."""


@dataclass(frozen=True)
class ClassificationTask(Task):
    """A row for each frame: the probability of each class of the card's `class_names`."""

    has_probabilities: ClassVar[bool] = True

    name: str = "classification"
    scale: float = 1.0
    # Not the accuracy, which jumps from epoch to epoch on a small validation part, nor the cross
    # entropy, which a few sure mistakes decide.
    primary_metric: str = "brier_score"
    class_names: tuple[str, ...] = ()

    @classmethod
    def of_dataset(cls, card: DatasetCard) -> Self:
        """The task with the data set's classes.

        Raises:
            DataError: the card names fewer than two.
        """
        if len(card.class_names) < LEAST_CLASSES:
            raise DataError(
                f"{card.name}: names {len(card.class_names)} classes, and a classification needs "
                f"{LEAST_CLASSES} or more: name them in dataset.json (class_names), and give each "
                "frame's number as the state's class_id"
            )
        return cls(class_names=card.class_names)

    def labels(self, state: AnyArray, rate_hz: float) -> Labels:
        """A row for each record that is 1 at its `class_id`; valid where that is known.

        Args:
            state: the records (N,) of one episode.
            rate_hz: is not used.

        Raises:
            DataError: a class_id is none of the classes, or the records are not of one episode; see
                `Task.labels`.
        """
        del rate_hz
        check_state(state)
        ids = np.asarray(state["class_id"], np.int64)
        count = len(self.class_names)
        if (ids >= count).any():
            raise DataError(
                f"a frame's class_id is {int(ids.max())}, and dataset.json names {count} classes, "
                f"0 to {count - 1}"
            )
        valid = ids >= 0
        label = np.zeros((len(ids), count), np.float32)
        label[np.flatnonzero(valid), ids[valid]] = 1.0
        return Labels(valid=valid, ego=self.ego.from_state(state), label=label)

    def head(self, feature_dim: int, dropout: float) -> nn.Module:
        """See `ClassHead`.

        Args:
            feature_dim: D, how many features the encoder gives.
            dropout: share of features that training sets to zero.
        """
        return ClassHead(feature_dim, len(self.class_names), dropout)

    def loss_per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """The cross entropy of each row, less that of the label with itself (so that the least loss
        is 0 for soft labels, too), (B,).

        Args:
            prediction: probabilities (B, K).
            label: what was recorded, or a teacher's probabilities, (B, K).
        """
        return divergence(prediction, label)

    def softened(self, prediction: Tensor, temperature: float) -> Tensor:
        """The same probabilities at a higher temperature: p^(1/T), scaled to add up to 1.

        Args:
            prediction: probabilities (B, K).
            temperature: T; 1 changes nothing.
        """
        if temperature == 1.0:
            return prediction
        return torch.softmax(torch.log(prediction.clamp(min=SMALLEST)) / temperature, dim=-1)

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """T^2 times the divergence of the softened rows (Hinton, Vinyals, Dean 2015), (B,).

        Args:
            student: probabilities (B, K).
            teacher: likewise.
            temperature: T.
        """
        ours, theirs = (self.softened(each, temperature) for each in (student, teacher))
        return temperature**2 * divergence(ours, theirs)

    def metrics(
        self, prediction: AnyArray, label: AnyArray, steering: SteeringSpec
    ) -> dict[str, float]:
        """`acc_top1`, `acc_mean_class` (over the classes that occur), `cross_entropy`,
        `brier_score`, and by class `acc_class_<name>`.

        Args:
            prediction: probabilities (N, K).
            label: rows that are 1 at the right class, (N, K).
            steering: is not used.

        Raises:
            DataError: the arrays are not fit for metrics; see `check_predictions`.
        """
        del steering
        predicted, truth = check_predictions(prediction, label, self.label_shape)
        right, said = truth.argmax(axis=1), predicted.argmax(axis=1)
        hit = right == said
        by_class = {
            f"acc_class_{name}": float(hit[right == number].mean())
            for number, name in enumerate(self.class_names)
            if (right == number).any()
        }
        likely = np.maximum(predicted[np.arange(len(right)), right], SMALLEST)
        return {
            "acc_top1": float(hit.mean()),
            "acc_mean_class": float(np.mean(list(by_class.values()))),
            "cross_entropy": float(-np.log(likely).mean()),
            "brier_score": float(np.square(predicted - truth).sum(axis=1).mean()),
            **by_class,
        }

    def mirror_label(self, label: Tensor) -> Tensor:
        """Classes whose names differ by left and right alone change places."""
        return label[..., [self._mirrored(name) for name in self.class_names]]

    def _mirrored(self, name: str) -> int:
        left, right = MIRRORED_WORDS
        swapped = left.join(part.replace(left, right) for part in name.split(right))
        return self.class_names.index(swapped if swapped in self.class_names else name)


def divergence(prediction: Tensor, label: Tensor) -> Tensor:
    """sum_k label_k (log label_k - log prediction_k) of each row, (B,): the Kullback-Leibler
    divergence, which for a label of one class is the cross entropy.

    Args:
        prediction: probabilities (B, K).
        label: likewise.
    """
    ours, theirs = (torch.log(each.clamp(min=SMALLEST)) for each in (prediction, label))
    return (label * (theirs - ours)).sum(dim=-1)


class ClassHead(nn.Module):
    """Dropout, a linear layer and the softmax: (B, D) to probabilities (B, K).

    Args:
        feature_dim: D.
        classes: K.
        dropout: share of features that training sets to zero.
    """

    def __init__(self, feature_dim: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(feature_dim, classes))

    def forward(self, features_bd: Tensor, ego_be: Tensor) -> Tensor:
        """The probabilities (B, K).

        Args:
            features_bd: (B, D), from the encoder.
            ego_be: (B, 0), since the task has no ego inputs; it is not used.
        """
        del ego_be
        logits: Tensor = self.layers(features_bd)
        return torch.softmax(logits.float() if logits.dtype != torch.float64 else logits, dim=-1)
