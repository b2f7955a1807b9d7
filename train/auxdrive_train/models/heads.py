"""Heads: from features to the task's physical numbers. Legend: B batch, D features, E ego inputs, T
waypoints.
"""

from __future__ import annotations

import torch
from auxdrive.ego import EGO_INPUTS, EgoLayout
from torch import Tensor, nn

TARGET_POINT = "target_ego_m"


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

    The target point enters at every step, as there, and the first state as well, beside the other
    ego
    inputs. (B, D), (B, E) -> (B, T, 2) metres.

    Args:
        feature_dim: D.
        ego: the ego inputs, `TARGET_POINT` among them.
        steps: T.
        scale: metres per network unit.
        dropout: of the features.
        hidden: width of the state.
    """

    def __init__(
        self,
        feature_dim: int,
        ego: EgoLayout,
        steps: int,
        scale: float,
        dropout: float,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        self.layout = ego
        self.steps = steps
        self.scale = scale
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(feature_dim, 128), nn.ReLU(), nn.Linear(128, hidden)
        )
        self.ego = nn.Linear(ego.width, hidden)
        self.cell = nn.GRUCell(4, hidden)
        self.output = nn.Linear(hidden, 2)

    def forward(self, features_bd: Tensor, ego_be: Tensor) -> Tensor:
        """(B, D), (B, E) -> (B, T, 2)."""
        target_point = self._scaled(ego_be, TARGET_POINT)
        state = torch.relu(
            self.join(features_bd)
            + self.ego(
                torch.cat(
                    [
                        target_point if name == TARGET_POINT else self._scaled(ego_be, name)
                        for name in self.layout.names
                    ],
                    dim=1,
                )
            )
        )
        point = torch.zeros_like(target_point)
        points = []
        for _ in range(self.steps):
            state = self.cell(torch.cat((point, target_point), dim=1), state)
            point = point + self.output(state)
            points.append(point)
        return torch.stack(points, dim=1) * self.scale

    def _scaled(self, ego_be: Tensor, name: str) -> Tensor:
        """One ego input as the network computes with it."""
        return ego_be[:, self.layout.columns[name]] / EGO_INPUTS[name].scale
