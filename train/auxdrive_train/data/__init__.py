"""Data for training: samples, batches, augmentation, balance, and reading in advance."""

from __future__ import annotations

from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.batch import Batch
from auxdrive_train.data.loader import Loader, epoch_order
from auxdrive_train.data.samples import SampleSet

__all__ = ["AugmentConfig", "Batch", "Loader", "SampleSet", "epoch_order"]
