"""The head of the task path_speed: from features and ego inputs to a path and a distribution of the
target speed.

Legend: B batch, D features, E ego inputs, P points of the path, K classes of speed.
"""

from __future__ import annotations

import torch
from auxdrive.data.plan import PATH_POINTS, PATH_STEP_M
from auxdrive.ego_layout import EgoLayout
from auxdrive.tasks.path_speed import SPEED_CLASSES_MPS
from torch import Tensor, nn

from auxdrive_train.models.ego_encoding import EgoEncoding

NEAR_M = 6.0
"""Points up to twice as far away are given to the path in this unit."""


class PathSpeedHead(nn.Module):
    """Features and ego inputs joined, and from there two layers for the speed and three for the
    path. Those of the path are given the ego inputs once more, points near the car in detail: where
    a turn begins stands in the target points, more exactly than in the image. The path is what
    departs from straight on; the target speed is the expectation of the classes' softmax, so that
    the exported graph gives it too. (B, D) and (B, E) to (B, 2 P + 1 + K): x and y of each point,
    the target speed, and the shares.

    Args:
        feature_dim: D.
        ego: the ego inputs.
        scale: metres per network unit.
        dropout: share of features that training sets to zero.
        hidden: width of the layers.
    """

    straight: Tensor
    classes: Tensor

    def __init__(
        self, feature_dim: int, ego: EgoLayout, scale: float, dropout: float, hidden: int = 96
    ) -> None:
        super().__init__()
        self.scale = scale
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(feature_dim, 128), nn.ReLU(), nn.Linear(128, hidden)
        )
        self.encoding = EgoEncoding(ego)
        self.ego = nn.Linear(self.encoding.width, hidden)
        self.route = EgoEncoding(ego, near_m=NEAR_M)
        self.path = nn.Sequential(
            nn.Linear(hidden + self.route.width, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 2 * PATH_POINTS),
        )  # fmt: skip
        self.speed = nn.Sequential(
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, len(SPEED_CLASSES_MPS))
        )
        straight = torch.zeros(PATH_POINTS, 2)
        straight[:, 0] = PATH_STEP_M * torch.arange(1, PATH_POINTS + 1)
        self.register_buffer("straight", straight.flatten(), persistent=False)
        classes = torch.tensor(SPEED_CLASSES_MPS)
        self.register_buffer("classes", classes, persistent=False)

    def forward(self, features_bd: Tensor, ego_be: Tensor) -> Tensor:
        """Rows (B, 2 P + 1 + K) in physical units.

        Args:
            features_bd: (B, D), from the encoder.
            ego_be: (B, E), ego inputs in physical units, with the columns of the layout.
        """
        state = torch.relu(self.join(features_bd) + self.ego(self.encoding(ego_be)))
        path = self.path(torch.cat((state, self.route(ego_be)), dim=1))
        path = self.straight + path * self.scale
        shares = torch.softmax(self.speed(state), dim=1)
        speed = (shares * self.classes).sum(dim=1, keepdim=True)
        return torch.cat((path, speed, shares), dim=1)
