"""What can be recorded: the id of an episode, and the frames of an instant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from auxdrive.checks.numbers import shown
from auxdrive.errors import InputError, unknown_name
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import AnyArray

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_episode_id(episode_id: str) -> str:
    """The id, unchanged, if it is a plain file name.

    Raises:
        InputError: it is not.
    """
    if not isinstance(episode_id, str) or not _ID.fullmatch(episode_id):
        raise InputError(
            f"episode id {episode_id!r}: use letters, digits, '.', '_' and '-', at most 100, "
            "beginning with a letter or digit"
        )
    return episode_id


def check_frame(modality: Modality, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Check that an array of a shape and dtype is a frame of a modality.

    Args:
        modality: of the frame.
        shape: of the array.
        dtype: of the array.

    Raises:
        InputError: it is not, or it is empty.
    """
    wrong = MODALITIES[modality].check_frame(shape, dtype)
    if wrong is None and min(shape) < 1:
        wrong = f"{modality} frames must not be empty, got {shape}"
    if wrong is not None:
        raise InputError(wrong)


def checked_frames(
    episode_id: str,
    modalities: Sequence[Modality],
    shapes: Mapping[Modality, tuple[int, ...]],
    frames: Mapping[Modality, AnyArray],
) -> dict[Modality, AnyArray]:
    """The frames of one instant as arrays, in the order of the modalities.

    Args:
        episode_id: of the episode, for messages.
        modalities: exactly those that an instant brings.
        shapes: of the episode's frames, by modality, as far as they are known.
        frames: what was given.

    Raises:
        InputError: a modality is missing or is none of them, or a shape or dtype is wrong.
    """
    if not isinstance(frames, Mapping):
        raise InputError(
            f"episode {episode_id}: give the frames by modality, as in {{Modality.RGB: image}}, "
            f"not {shown(frames)}"
        )
    for modality in frames:
        if modality not in modalities:
            names = [m.value for m in modalities]
            raise InputError(
                f"episode {episode_id}: {unknown_name('recorded modality', str(modality), names)}"
            )
    missing = [modality.value for modality in modalities if modality not in frames]
    if missing:
        raise InputError(f"episode {episode_id}: no frame of {', '.join(missing)}")
    arrays = {
        modality: _as_array(episode_id, modality, frames[modality]) for modality in modalities
    }
    for modality, array in arrays.items():
        check_frame(modality, array.shape, array.dtype)
        if modality.is_vector and not np.isfinite(array).all():
            raise InputError(f"episode {episode_id}: {modality} holds a number that is not finite")
        if array.shape != shapes.get(modality, array.shape):
            raise InputError(
                f"{modality}: frames of this episode have the shape {shapes[modality]}, "
                f"got {array.shape}"
            )
    return arrays


def _as_array(episode_id: str, modality: Modality, frame: object) -> AnyArray:
    try:
        return np.asarray(frame)
    # a camera's own image type may raise anything; only this instant is lost
    except Exception as error:
        raise InputError(
            f"episode {episode_id}: the frame of {modality} cannot be read as an array: {error}"
        ) from error
