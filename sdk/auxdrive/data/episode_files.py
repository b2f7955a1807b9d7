"""Where episodes and their card stand in a data set's folder, and what killed recordings leave.

`episodes/<id>/<modality>.npy` holds the frames (N, H, W) or (N, H, W, C), `episodes/<id>/state.npy`
N records of `STATE_DTYPE`. An episode appears by one rename when it is complete: what is there is
whole.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.machine.processes import is_running
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import entries, is_folder, make_folder, refusals

CARD_NAME = "dataset.json"
EPISODES_DIR = "episodes"
STATE_NAME = "state.npy"

_PARTIAL = re.compile(r"\.partial-.+-(\d+)")
_PARTIAL_FILE = re.compile(r"\..+\.npy\.partial-(\d+)")


def clean_partial(dataset_dir: Path | str) -> tuple[str, ...]:
    """Remove what recordings whose process (of this machine) is gone have left, and in episodes
    what was being derived; the names.

    A folder or file whose process id is in use stays. Do not call it while another machine records
    into the same folder.
    """
    removed = []
    parent = Path(dataset_dir) / EPISODES_DIR
    for folder in entries(parent):
        match = _PARTIAL.fullmatch(folder.name)
        if match is not None and not is_running(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder.name)
        elif is_folder(folder) and not folder.is_symlink():
            for file in entries(folder):
                match = _PARTIAL_FILE.fullmatch(file.name)
                if match is not None and not is_running(int(match[1])):
                    with refusals(file, "cannot be removed"):
                        file.unlink(missing_ok=True)
                    removed.append(f"{folder.name}/{file.name}")
    return tuple(removed)


def write_card(dataset_dir: Path | str, card: DatasetCard) -> None:
    """Write `dataset.json`, replacing an old one in one step.

    Raises:
        DataError: the disk refuses; an old card is untouched.
    """
    folder = Path(dataset_dir)
    make_folder(folder)
    write_atomic(folder / CARD_NAME, card.model_dump_json(indent=2).encode() + b"\n")
