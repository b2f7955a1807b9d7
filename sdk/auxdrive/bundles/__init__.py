"""Bundles: a directory that holds a model and everything that is said of it, checked file by file
before anything is used.

    card.json               what the model is (`ModelCard`), with the SHA-256 of every other file
    model.onnx              the graph, camera's image in, physical units out; no external data
    README.md               the card for people
    reference/images.npy    uint8 (N, H, W, 3)
    reference/ego.npy       float32 (N, E): the ego inputs side by side in the card's order; E = 0
                            for a camera alone
    reference/outputs.npy   float32, what the trained student predicts from these frames
    reference/negative_control.npy
                            the same of weights of another seed, which the parity check must refuse

Files that the card does not name may not stand there, but for what desktops, file systems and git
leave in every folder (`layout.is_left_by_others`); none may be missing, and none may be a link. A
bundle is read-only.
"""

from auxdrive.bundles.arrays import parse_npy
from auxdrive.bundles.bundle import Bundle
from auxdrive.bundles.card_text import parse_card
from auxdrive.bundles.files import sha256_of_files
from auxdrive.bundles.layout import (
    CARD_NAME,
    IMAGE_INPUT,
    MODEL_NAME,
    README_NAME,
    REFERENCE_EGO,
    REFERENCE_IMAGES,
    REFERENCE_NEGATIVE_CONTROL,
    REFERENCE_OUTPUTS,
    REQUIRED_FILES,
    ego_of,
    unit_of,
)

__all__ = [
    "CARD_NAME", "IMAGE_INPUT", "MODEL_NAME", "README_NAME",
    "REFERENCE_EGO", "REFERENCE_IMAGES", "REFERENCE_NEGATIVE_CONTROL", "REFERENCE_OUTPUTS",
    "REQUIRED_FILES",
    "Bundle", "ego_of", "parse_card", "parse_npy", "sha256_of_files", "unit_of",
]  # fmt: skip
