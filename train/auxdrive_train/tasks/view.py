"""Where a sample is seen from, if it is shown as by a vehicle that is displaced from where it was.

Legend: B samples. Ego frame: x forward, y left, origin at the rear axle.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class View:
    """The places of displaced vehicles, in the ego frames of the recorded ones.

    Attributes:
        shift_m: (B,), how far each stands to the left.
        turn_rad: (B,), how far it is turned to the left there.
        recover_m: after how many metres its steering has it back on the path that was driven; for
            tasks that predict an angle.
    """

    shift_m: Tensor
    turn_rad: Tensor
    recover_m: float

    def of(self, samples: slice) -> View:
        """The places of some of the samples."""
        return View(self.shift_m[samples], self.turn_rad[samples], self.recover_m)

    def points(self, points_ego_m: Tensor) -> Tensor:
        """Points in the displaced vehicles' ego frames.

        Args:
            points_ego_m: (B, ..., 2) in the recorded ones.
        """
        shape = (-1, *[1] * (points_ego_m.ndim - 2))
        cos, sin = (f(self.turn_rad).reshape(shape) for f in (torch.cos, torch.sin))
        x, y = points_ego_m[..., 0], points_ego_m[..., 1] - self.shift_m.reshape(shape)
        return torch.stack([cos * x + sin * y, cos * y - sin * x], dim=-1)
