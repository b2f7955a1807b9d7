"""The files of a data set: its card (`dataset.json`) and its episodes.

`episodes/<id>/<modality>.npy` holds the frames (N, H, W) or (N, H, W, C), `episodes/<id>/state.npy`
N records of `STATE_DTYPE`. Where somebody else drove than whose control is the label,
`episodes/<id>/ahead.npy` holds (N, K) records: of each frame the K next ones, at the data set's
rate, as they would have been had the driver of the labels driven on from there. Where the points of
the LiDAR were recorded, they lie in `lidar_points.npy` and `lidar_points_end.npy`
(`auxdrive.data.lidar_points`); the expert's plans, N records of `PLAN_DTYPE`, in `plan.npy`. Where
a student drove and made mistakes, `mistakes.json` says when (`auxdrive.data.driving_mistakes`). A
finished episode is put in place by one rename, so an episode that can be seen is complete.
"""

from __future__ import annotations

from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.storage.publish import clean_partials, is_partial, write_atomic
from auxdrive.storage.reading import entries, is_folder, make_folder

CARD_NAME = "dataset.json"
EPISODES_DIR = "episodes"
STATE_NAME = "state.npy"
AHEAD_NAME = "ahead.npy"
POINTS_NAME = "lidar_points.npy"
POINTS_END_NAME = "lidar_points_end.npy"
PLAN_NAME = "plan.npy"
MISTAKES_NAME = "mistakes.json"


def clean_partial(dataset_dir: Path | str) -> tuple[str, ...]:
    """Remove the partial episodes and derived modalities of processes that were killed. What
    belongs to a process that is still running stays.

    Do not call it while another machine records into the same folder: it knows the processes of
    this machine alone.

    Returns:
        The names of what was removed.
    """
    parent = Path(dataset_dir) / EPISODES_DIR
    removed = list(clean_partials(parent))
    for folder in entries(parent):
        if not is_partial(folder) and is_folder(folder) and not folder.is_symlink():
            removed += [f"{folder.name}/{name}" for name in clean_partials(folder)]
    return tuple(removed)


def write_card(dataset_dir: Path | str, card: DatasetCard) -> None:
    """Write `dataset.json`. An old one is replaced in one step.

    Args:
        dataset_dir: the data set's folder; made when it does not exist.
        card: to write.

    Raises:
        DataError: the disk refuses; an old card is untouched.

    Examples:
        >>> from auxdrive import CameraSpec, DatasetCard, Modality, write_card
        >>> camera = CameraSpec(width=320, height=240, fov_deg=90.0)
        >>> card = DatasetCard(name="yard", rate_hz=10.0, modalities=(Modality.RGB,), camera=camera)
        >>> write_card("yard", card)
    """
    folder = Path(dataset_dir)
    make_folder(folder)
    write_atomic(folder / CARD_NAME, card.model_dump_json(indent=2).encode() + b"\n")
