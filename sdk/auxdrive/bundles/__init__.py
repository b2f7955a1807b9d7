"""Bundles: directories that hold an exported model and its description. Every file is checked
before any of them is used.

    card.json               what the model is (`ModelCard`), with the SHA-256 of every other file
    model.onnx              the graph: the camera's image in, physical units out; no external data
    model.fp16.onnx, model.int8.onnx
                            the same in other precisions, where the card's `precisions` names them
    README.md               the card for people
    sbom.cdx.json           the packages that made the bundle (CycloneDX); older bundles have none
    reference/images.npy    uint8 (N, H, W, 3), reference frames; (N, F, H, W, 3) where the model
                            takes F images at once, the current one first
    reference/ego.npy       float32 (N, E): their ego inputs side by side in the card's order; E = 0
                            where the model takes the image alone
    reference/outputs.npy   float32 (N, ...), what the trained student predicts from these frames
    reference/negative_control.npy
                            float32 (N, ...), what weights of another seed predict from them; the
                            parity check must refuse these
    reference/ood_scores.npy
                            float32 (N, 1), their out-of-distribution scores; where the card has
                            `ood`, and nowhere else
    reference/ood_scores.fp16.npy, reference/ood_scores.int8.npy
                            the same by the graphs in other precisions

A bundle holds exactly the files that the card names, besides those that desktops, file systems and
git leave in every folder, and the folder `bench` of measurements (`layout.is_passed_over`). None of
them may be a link. Nothing ever changes a bundle.
"""

from auxdrive.bundles.arrays import parse_npy
from auxdrive.bundles.bundle import Bundle
from auxdrive.bundles.card_text import parse_card
from auxdrive.bundles.files import sha256_of_files
from auxdrive.bundles.layout import (
    CARD_NAME,
    IMAGE_INPUT,
    MODEL_NAME,
    OOD_OUTPUT,
    README_NAME,
    REFERENCE_EGO,
    REFERENCE_IMAGES,
    REFERENCE_NEGATIVE_CONTROL,
    REFERENCE_OUTPUTS,
    REQUIRED_FILES,
    SBOM_NAME,
    ego_among,
    ego_of,
    image_inputs,
    images_among,
    reference_ood,
    unit_of,
)

__all__ = [
    "CARD_NAME", "IMAGE_INPUT", "MODEL_NAME", "OOD_OUTPUT", "README_NAME",
    "REFERENCE_EGO", "REFERENCE_IMAGES", "REFERENCE_NEGATIVE_CONTROL",
    "REFERENCE_OUTPUTS", "REQUIRED_FILES", "SBOM_NAME",
    "Bundle", "ego_among", "ego_of", "image_inputs", "images_among", "parse_card",
    "parse_npy", "reference_ood", "sha256_of_files", "unit_of",
]  # fmt: skip
