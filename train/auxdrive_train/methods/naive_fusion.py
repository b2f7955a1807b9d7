"""naive_fusion: all modalities' features are joined and trained on the labels at once, which UMT
and UME (Du et al. 2023) find lazy: encoders learn less than alone. The probe shows how much.
"""

from __future__ import annotations

from auxdrive_train.methods.fused_student import FusedStudent


class NaiveFusion(FusedStudent):
    """Late fusion from scratch, then the student's head on its RGB encoder (Du et al. 2023)."""

    name = "naive_fusion"
    summary = "late fusion trained on the labels alone; the student is its RGB encoder, probed"
    paper = "UMT/UME (2023), naive fusion"
