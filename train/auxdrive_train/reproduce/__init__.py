"""Reproductions of the papers' tables, one file each. `auxdrive reproduce NAME` runs one.

Each says what the paper printed, what auxdrive finds with an interval over repetitions, and whether
the paper's claim holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, subclass_of

if TYPE_CHECKING:
    from auxdrive_train.reproduce.base import Reproduction

REPRODUCTIONS: Registry[type[Reproduction]] = Registry(
    "reproduction",
    "auxdrive.reproductions",
    {
        "mfh-gaussian": "auxdrive_train.reproduce.mfh_gaussian:MFHGaussian",
        "mfh-gamma-alpha": "auxdrive_train.reproduce.mfh_gamma_alpha:MFHGammaAlpha",
        "umt-synthetic": "auxdrive_train.reproduce.umt_synthetic:UMTSynthetic",
        "mfeat": "auxdrive_train.reproduce.mfeat:MFeat",
        "kd-zoo": "auxdrive_train.reproduce.kd_zoo:KDZoo",
        "architectures": "auxdrive_train.reproduce.architectures:Architectures",
        "modality-choice": "auxdrive_train.reproduce.modality_choice:ModalityChoice",
    },
    check=subclass_of("auxdrive_train.reproduce.base:Reproduction"),
)
