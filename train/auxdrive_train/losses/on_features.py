"""Losses that compare student and teacher by their features alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor

from auxdrive_train.losses.contract import Loss

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output


class FeatureLoss(Loss):
    """A loss on features; a subclass says what those of a batch cost."""

    @abstractmethod
    def of_features(self, student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            student_bd: features (B, D of the student).
            teacher_bd: features (B, D of the teacher).
        """

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`of_features` of both outputs.

        Args:
            student: with features (B, D of the student).
            teacher: with features (B, D of the teacher).
            batch: is not used.
        """
        del batch
        return self.of_features(student.features, teacher.features)
