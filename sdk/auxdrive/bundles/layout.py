"""What a bundle is made of: names of files, inputs and outputs, and how large any of it may be."""

from __future__ import annotations

import re
from fnmatch import translate

from auxdrive.checks.graph_reader import MAX_MODEL_BYTES

CARD_NAME = "card.json"
MODEL_NAME = "model.onnx"
README_NAME = "README.md"
REFERENCE_IMAGES = "reference/images.npy"
REFERENCE_EGO = "reference/ego.npy"
REFERENCE_OUTPUTS = "reference/outputs.npy"
REFERENCE_CONTROL = "reference/control.npy"
REQUIRED_FILES = (
    MODEL_NAME,
    README_NAME,
    REFERENCE_IMAGES,
    REFERENCE_EGO,
    REFERENCE_OUTPUTS,
    REFERENCE_CONTROL,
)

IMAGE_INPUT = "image"
# Ego inputs that a predictor can supply, and how many numbers each has.
EGO_INPUTS = {"speed_mps": 1, "target_ego_m": 2}
OUTPUT_OF_TASK = {"steering": "steer_rad", "waypoints": "waypoints_ego_m"}
# A card that gives another unit describes another model than the one that a predictor runs.
UNIT_OF = {
    "image": "intensity",
    "speed_mps": "m/s",
    "target_ego_m": "m",
    "steer_rad": "rad",
    "waypoints_ego_m": "m",
}

MAX_CARD_BYTES = 4 << 20
MAX_FILE_BYTES = MAX_MODEL_BYTES
MAX_TOTAL_BYTES = 4 << 30
MAX_FILES = 256
MAX_DEPTH = 4

# What desktops, file systems and version control leave in every folder that they touch. In lower
# case.
_LEFT_BY_OTHERS = (
    # macOS, on its own and on foreign disks
    ".ds_store", "._*", "__macosx", ".spotlight-v100", ".trashes", ".fseventsd",
    # Windows
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
    # Linux desktops and file systems
    ".directory", ".nfs*", ".fuse_hidden*", ".trash-*", "lost+found",
    # git, and the Hugging Face hub's book-keeping beside a download
    ".git*", ".cache",
)  # fmt: skip
_LEFT = re.compile("|".join(map(translate, _LEFT_BY_OTHERS)))


def is_left_by_others(name: str) -> bool:
    """Whether a file or folder of that name (no path) is none of a bundle's business: it is passed
    over and never read.
    """
    return _LEFT.match(name.lower()) is not None
