"""Intermediate maps of a network, by name, for losses that compare them.

An encoder shows each of its maps to a `Kept` while it computes them. Only the maps that were asked
for are kept, by default none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Widths:
    """How wide a network's features and maps are.

    Attributes:
        features: D of the features (B, D).
        maps: by name, the channels C of each map (B, C, h, w), from input to output.
    """

    features: int
    maps: Mapping[str, int] = field(default_factory=dict)


class Kept:
    """Collects the maps that were asked for, during one pass through a network.

    Args:
        wanted: names of the maps to keep.

    Examples:
        >>> import torch
        >>> from auxdrive_train.models.maps import Kept
        >>> kept = Kept(["stem"])
        >>> kept.show("stem", torch.zeros(2, 3, 4, 4))
        >>> kept.show("layer2", torch.zeros(2, 6, 2, 2))
        >>> list(kept.maps)
        ['stem']
    """

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self.wanted = frozenset(wanted)
        self.maps: dict[str, Tensor] = {}

    def show(self, name: str, maps_bchw: Tensor) -> None:
        """Keep this map if it was asked for.

        Args:
            name: the map's name, as in `Widths.maps`.
            maps_bchw: (B, C, h, w), as the network computed it.
        """
        if name in self.wanted:
            self.maps[name] = maps_bchw

    def change(self, change: Callable[[Tensor], Tensor]) -> None:
        """Replace every kept map by change(map)."""
        self.maps = {name: change(maps) for name, maps in self.maps.items()}


NOTHING = Kept()
"""Keeps nothing."""
