"""Heads: from features to the task's physical numbers. Legend: B batch, D features, E ego inputs, T
waypoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SPEED_SCALE_MPS = 10.0
TARGET_SCALE_M = 20.0


class SteeringHead(nn.Module):
    """PilotNet's dense layers 50 and 10, then the angle: (B, D) -> (B, 1) road-wheel radians,
    positive left.
    """

    def __init__(self, feature_dim: int, scale: float, dropout: float) -> None:
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(feature_dim, 50),
            nn.ELU(),
            nn.Linear(50, 10),
            nn.ELU(),
            nn.Linear(10, 1),
        )

    def forward(self, features_bd: Tensor, ego_be: Tensor) -> Tensor:  # noqa: ARG002 - heads share one signature
        """(B, D), (B, 0) -> (B, 1)."""
        angle: Tensor = self.layers(features_bd) * self.scale
        return angle


class WaypointHead(nn.Module):
    """Auto-regressive GRU of TransFuser (Prakash et al. 2021, section 3.3): each step adds a
    displacement.

    The goal enters at every step, as there, and the first state as well, beside the speed.

    ego_be: speed in m/s, then the goal (x, y) in the ego frame in metres. (B, D), (B, 3) -> (B, T,
    2) metres.
    """

    def __init__(
        self, feature_dim: int, steps: int, scale: float, dropout: float, hidden: int = 64
    ) -> None:
        super().__init__()
        self.steps = steps
        self.scale = scale
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(feature_dim, 128), nn.ReLU(), nn.Linear(128, hidden)
        )
        self.ego = nn.Linear(3, hidden)
        self.cell = nn.GRUCell(4, hidden)
        self.output = nn.Linear(hidden, 2)

    def forward(self, features_bd: Tensor, ego_be: Tensor) -> Tensor:
        """(B, D), (B, 3) -> (B, T, 2)."""
        goal = ego_be[:, 1:3] / TARGET_SCALE_M
        state = torch.relu(
            self.join(features_bd)
            + self.ego(torch.cat((ego_be[:, :1] / SPEED_SCALE_MPS, goal), dim=1))
        )
        point = torch.zeros_like(goal)
        points = []
        for _ in range(self.steps):
            state = self.cell(torch.cat((point, goal), dim=1), state)
            point = point + self.output(state)
            points.append(point)
        return torch.stack(points, dim=1) * self.scale
