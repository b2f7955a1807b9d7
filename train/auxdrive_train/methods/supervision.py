"""How methods learn from labels, and from other networks' predictions in their place.

Legend: B samples of a batch.
"""

from __future__ import annotations

from auxdrive.modalities import Modality
from torch import Tensor

from auxdrive_train.data.batch import Batch
from auxdrive_train.models.present import mean_where
from auxdrive_train.tasks.base import Task


class Supervision:
    """The task's loss, in physical units.

    Attributes:
        task: what is predicted.
    """

    task: Task

    def per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Task loss of each sample, (B,).

        Args:
            prediction: (B, *label_shape) in physical units.
            label: (B, *label_shape) in physical units.
        """
        return self.task.loss_per_sample(prediction / self.task.scale, label / self.task.scale)

    def per_sample_taught(self, prediction: Tensor, taught: Tensor, temperature: float) -> Tensor:
        """Task loss of each sample, (B,), where another network's prediction is the label. Rows of
        probabilities are softened first, and the loss is multiplied by T^2, so that its gradients
        keep their size (Hinton, Vinyals, Dean 2015).

        Args:
            prediction: (B, *label_shape) in physical units.
            taught: the other network's, likewise.
            temperature: T; regressions have none.
        """
        if not self.task.has_probabilities:
            return self.per_sample(prediction, taught)
        return self.task.imitation(prediction, taught, temperature)

    def supervised(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean task loss over the batch, a scalar with gradients.

        Args:
            prediction: (B, *label_shape) in physical units.
            batch: the samples, with labels in physical units.
        """
        return self.per_sample(prediction, batch.label).mean()

    def supervised_where(self, prediction: Tensor, batch: Batch, modality: Modality) -> Tensor:
        """Mean task loss over the samples that have the modality, a scalar with gradients; zero
        when none has.

        Args:
            prediction: (B, *label_shape) in physical units.
            batch: the samples, with labels in physical units.
            modality: the one that a sample must have to count.
        """
        return mean_where(self.per_sample(prediction, batch.label), batch.present[modality])
