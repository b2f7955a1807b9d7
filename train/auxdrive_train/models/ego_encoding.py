"""Ego inputs as a network is given them.

Legend: B batch, E numbers of the ego inputs, W numbers that the network is given.
"""

from __future__ import annotations

import torch
from auxdrive.ego_layout import EgoLayout
from torch import Tensor, nn


class EgoEncoding(nn.Module):
    """Quantities divided by their scale; of a number that stands for a choice, such as a route
    command, which of its values it is; of points, with `near_m`, their coordinates in this unit
    beside it, cut off at -2 and 2. (B, E) to (B, W).

    Attributes:
        width: W.

    Args:
        ego: the ego inputs, in the columns' order.
        near_m: the unit of points near the car; None gives them in that of their scale alone.
    """

    def __init__(self, ego: EgoLayout, near_m: float | None = None) -> None:
        super().__init__()
        self.layout, self.near_m = ego, near_m
        self.width = sum(len(each.choices) or each.size for each in ego.inputs)
        if near_m is not None:
            self.width += sum(each.size for each in ego.inputs if each.are_points)
        for each in ego.inputs:
            if each.choices:
                choices = torch.tensor(each.choices)
                self.register_buffer(f"choices_{each.name}", choices, persistent=False)

    def forward(self, ego_be: Tensor) -> Tensor:
        """The numbers of the network, (B, W).

        Args:
            ego_be: (B, E) in physical units.
        """
        parts = []
        for each in self.layout.inputs:
            numbers = ego_be[:, self.layout.columns[each.name]]
            if each.choices:
                choices = self.get_buffer(f"choices_{each.name}")
                # 1 where it is the choice, 0 at the next; of operators that exports may use
                away = torch.relu(numbers - choices) + torch.relu(choices - numbers)
                parts.append(torch.relu(1.0 - away))
            else:
                parts.append(numbers / each.scale)
            if self.near_m is not None and each.are_points:
                near = numbers / self.near_m
                parts.append(torch.relu(near + 2.0) - torch.relu(near - 2.0) - 2.0)
        return torch.cat(parts, dim=1)
