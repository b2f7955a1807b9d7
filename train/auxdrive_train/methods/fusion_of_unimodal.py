"""Methods whose late fusion is preceded by networks of single modalities."""

from __future__ import annotations

from torch import nn

from auxdrive_train.methods.fused_student import FusedStudent
from auxdrive_train.methods.phases import Phase
from auxdrive_train.methods.unimodal import WithUniModal


class FusionOfUniModal(WithUniModal, FusedStudent):
    """The networks of `alone`, one by one, then the fusion and its student."""

    def first_networks(self) -> dict[str, nn.Module]:
        """The networks of single modalities."""
        return self.unimodal_networks()

    def first_phases(self) -> list[Phase]:
        """One for each of them."""
        return self.unimodal_phases()
