"""Which episodes train and which validate."""

from __future__ import annotations

from dataclasses import dataclass

from auxdrive.dataset import TRAIN_SPLIT, VALIDATION_SPLIT, Dataset
from auxdrive.errors import DataError, UsageError

CARVE_EVERY = 5


@dataclass(frozen=True)
class TrainingEpisodes:
    """Episode ids for training and validation; no episode stands in both, since neighbouring frames are nearly equal.

    Attributes:
        train, validation: episode ids.
        carved: True where the data set has no validation split and episodes of the training split were set aside.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    carved: bool


def training_episodes(dataset: Dataset, carve_every: int = CARVE_EVERY) -> TrainingEpisodes:
    """The card's splits `train` and `val`; without splits every episode counts as `train`.

    Where there is no `val`, every `carve_every`-th training episode in the order of ids is set aside for validation: the last of
    each run of `carve_every`, or the last episode of all where there are fewer. The choice depends on the ids alone.

    Raises:
        DataError: a split is empty, the card has splits but none called `train`, or one episode is all there is.
        UsageError: carve_every is less than 2.
    """
    splits = dataset.card.splits
    if carve_every < 2:
        raise UsageError(f"carve_every must be at least 2, got {carve_every}: every first episode would leave none to train on")
    if splits and TRAIN_SPLIT not in splits:
        raise DataError(f"{dataset.name}: the card has the splits {', '.join(sorted(splits))}, but none called '{TRAIN_SPLIT}' to train on")
    train = splits[TRAIN_SPLIT] if splits else dataset.episode_ids
    if not train:
        raise DataError(f"{dataset.name}: the split '{TRAIN_SPLIT}' is empty; name episodes in the card's `splits`")
    if VALIDATION_SPLIT in splits:
        if not splits[VALIDATION_SPLIT]:
            raise DataError(f"{dataset.name}: the split '{VALIDATION_SPLIT}' is empty; name episodes in it or leave it out")
        return TrainingEpisodes(train=train, validation=splits[VALIDATION_SPLIT], carved=False)
    return _carve(dataset, tuple(sorted(train)), carve_every)


def _carve(dataset: Dataset, train: tuple[str, ...], every: int) -> TrainingEpisodes:
    if len(train) < 2:
        raise DataError(
            f"{dataset.name}: one training episode and no split '{VALIDATION_SPLIT}'. Frames of one drive are too alike to train and "
            "validate on: record a second episode"
        )
    validation = train[every - 1 :: every] or train[-1:]
    chosen = set(validation)
    return TrainingEpisodes(train=tuple(name for name in train if name not in chosen), validation=validation, carved=True)
