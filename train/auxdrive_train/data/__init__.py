"""Data for training: which episodes, which samples of them, batches, augmentation and loading ahead."""

from __future__ import annotations

from auxdrive_train.data.augment import AugmentConfig
from auxdrive_train.data.batch import Batch
from auxdrive_train.data.loader import Loader, epoch_order
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.data.splits import TrainingEpisodes, training_episodes

__all__ = ["AugmentConfig", "Batch", "Loader", "SampleSet", "TrainingEpisodes", "epoch_order", "training_episodes"]
