"""Heads: from features to the task's physical quantities.

Legend: B batch, D features, E ego inputs, T waypoints.
"""

from __future__ import annotations

import torch
from auxdrive.ego import EGO_INPUTS
from auxdrive.ego_layout import EgoLayout
from torch import Tensor, nn

TARGET_POINT = "target_ego_m"


class SteeringHead(nn.Module):
    """PilotNet's dense layers with 50 and 10 outputs, then the angle (Bojarski et al. 2016): (B, D)
    to (B, 1), road-wheel angle in radians, positive to the left.

    Args:
        feature_dim: D.
        scale: radians per network unit.
        dropout: share of features that training sets to zero.
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
        """The road-wheel angle (B, 1) in radians, positive to the left.

        Args:
            features_bd: (B, D), from the encoder.
            ego_be: (B, 0), since the task has no ego inputs; it is not used.
        """
        angle: Tensor = self.layers(features_bd) * self.scale
        return angle


class WaypointHead(nn.Module):
    """Auto-regressive GRU of TransFuser (Prakash et al. 2021, section 3.3): each step adds a
    displacement to the waypoint before.

    As in the paper, the target point is an input of every step. Here it also enters the first
    state, together with the other ego inputs. (B, D) and (B, E) to (B, T, 2), metres in the ego
    frame.

    Args:
        feature_dim: D.
        ego: the ego inputs, `TARGET_POINT` among them.
        steps: T.
        scale: metres per network unit.
        dropout: share of features that training sets to zero.
        hidden: width of the GRU's state.
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
        """Waypoints (B, T, 2) in metres in the ego frame.

        Args:
            features_bd: (B, D), from the encoder.
            ego_be: (B, E), ego inputs in physical units, with the columns of the layout.
        """
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
        """One ego input, divided by its scale."""
        return ego_be[:, self.layout.columns[name]] / EGO_INPUTS[name].scale
