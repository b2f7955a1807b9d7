"""What stands beside a run's networks only while they are trained."""

from __future__ import annotations

from torch import nn


class TrainingOnly(nn.Module):
    """Base class of modules that are moved, stored and resumed with a run's networks, and that
    nothing is measured, exported or driven with.
    """


def finished_networks(networks: nn.ModuleDict) -> nn.ModuleDict:
    """A run's networks without what only training needs: what is measured, exported and driven.

    Args:
        networks: all of them, by name.
    """
    return nn.ModuleDict(
        {name: module for name, module in networks.items() if not isinstance(module, TrainingOnly)}
    )
