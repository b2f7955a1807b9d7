"""What a bundle consists of: names of its files, inputs and outputs, and how large they may be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.checks.graph_reader import MAX_MODEL_BYTES
from auxdrive.ego import EGO_INPUTS
from auxdrive.ego_layout import EgoLayout
from auxdrive.precisions import FP32, MODEL_FILES

CARD_NAME = "card.json"
MODEL_NAME = MODEL_FILES[FP32]
README_NAME = "README.md"
SBOM_NAME = "sbom.cdx.json"
REFERENCE_IMAGES = "reference/images.npy"
REFERENCE_EGO = "reference/ego.npy"
REFERENCE_OUTPUTS = "reference/outputs.npy"
REFERENCE_NEGATIVE_CONTROL = "reference/negative_control.npy"
REQUIRED_FILES = (
    MODEL_NAME,
    README_NAME,
    REFERENCE_IMAGES,
    REFERENCE_EGO,
    REFERENCE_OUTPUTS,
    REFERENCE_NEGATIVE_CONTROL,
)
MEASURED = "bench"
"""The folder of measurements that `auxdrive bench --attach` keeps with a bundle. It is no part of
it: the card names nothing there, and it is passed over.
"""

IMAGE_INPUT = "image"
_EARLIER = re.compile(r"earlier_image_[1-9]")
OOD_OUTPUT = TensorSpec(name="ood_score", shape=("batch", 1), dtype="float32", unit="1")
"""The second output of a graph that gives an out-of-distribution score."""

MAX_CARD_BYTES = 4 << 20
MAX_FILE_BYTES = MAX_MODEL_BYTES
MAX_TOTAL_BYTES = 4 << 30
MAX_FILES = 256
MAX_DEPTH = 4

# Names (in lower case) of what desktops, file systems and version control leave in every folder.
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


def reference_ood(precision: str) -> str:
    """The file of the reference frames' out-of-distribution scores by the graph of a precision, in
    bundles whose graphs give them.
    """
    return f"reference/ood_scores{'' if precision == FP32 else f'.{precision}'}.npy"


def image_inputs(frames: int) -> tuple[str, ...]:
    """The graph's inputs that take images: the current one, then `earlier_image_1`, a gap before
    it, and so on.

    Args:
        frames: how many images there are, the current one included (`HistorySpec`).
    """
    return (IMAGE_INPUT, *(f"earlier_image_{number}" for number in range(1, frames)))


def is_image(name: str) -> bool:
    """Whether an input of that name takes an image."""
    return name == IMAGE_INPUT or _EARLIER.fullmatch(name) is not None


def unit_of(name: str) -> str | None:
    """The unit that an input must have in a card; None where there is no input of that name."""
    if is_image(name):
        return "intensity"
    return EGO_INPUTS[name].unit if name in EGO_INPUTS else None


def ego_of(card: ModelCard) -> EgoLayout:
    """The inputs of a card beside images, in the card's order."""
    return ego_among(card.inputs)


def ego_among(inputs: Iterable[TensorSpec]) -> EgoLayout:
    """The inputs of a graph beside images, in their order."""
    return EgoLayout(spec.name for spec in inputs if not is_image(spec.name))


def images_among(inputs: Iterable[TensorSpec]) -> tuple[str, ...]:
    """The inputs of a graph that take images, in their order: the current one first."""
    return tuple(spec.name for spec in inputs if is_image(spec.name))


def is_left_by_others(name: str) -> bool:
    """Whether a file or folder of that name (without a path) belongs to no bundle but is left by
    other programs. It is ignored and never read.
    """
    return _LEFT.match(name.lower()) is not None


def is_passed_over(path: str) -> bool:
    """Whether a file or folder, by its path within a bundle, is no part of it and is never read:
    what `is_left_by_others`, and measurements.
    """
    parts = path.split("/")
    return parts[0].lower() == MEASURED or any(map(is_left_by_others, parts))
