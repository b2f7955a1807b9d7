"""Where episodes and their card stand in a data set's folder, and what killed recordings leave.

`episodes/<id>/<modality>.npy` holds the frames (N, H, W) or (N, H, W, C), `episodes/<id>/state.npy`
N records of `STATE_DTYPE`. An episode appears by one rename when it is complete: what is there is
whole.
"""

from __future__ import annotations

from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.storage.publish import clean_partials, is_partial, write_atomic
from auxdrive.storage.reading import entries, is_folder, make_folder

CARD_NAME = "dataset.json"
EPISODES_DIR = "episodes"
STATE_NAME = "state.npy"


def clean_partial(dataset_dir: Path | str) -> tuple[str, ...]:
    """Remove what recordings whose process (of this machine) is gone have left, and in episodes
    what was being derived; the names.

    A folder or file whose process id is in use stays. Do not call it while another machine records
    into the same folder.
    """
    parent = Path(dataset_dir) / EPISODES_DIR
    removed = list(clean_partials(parent))
    for folder in entries(parent):
        if not is_partial(folder) and is_folder(folder) and not folder.is_symlink():
            removed += [f"{folder.name}/{name}" for name in clean_partials(folder)]
    return tuple(removed)


def write_card(dataset_dir: Path | str, card: DatasetCard) -> None:
    """Write `dataset.json`, replacing an old one in one step.

    Raises:
        DataError: the disk refuses; an old card is untouched.
    """
    folder = Path(dataset_dir)
    make_folder(folder)
    write_atomic(folder / CARD_NAME, card.model_dump_json(indent=2).encode() + b"\n")
