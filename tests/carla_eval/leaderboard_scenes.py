"""What the test server's cameras see in runs of the leaderboard: `python -m carla_server --scene
carla_eval.leaderboard_scenes:Noise`.
"""

from __future__ import annotations

import numpy as np
from carla_server.scene import Image, PlainScene, View


class Noise(PlainScene):
    """Noise of its own in every frame, so that no image seems to be the last one again."""

    def image(self, view: View) -> Image:
        """Grey noise.

        Args:
            view: what the camera looks from.

        Returns:
            Shape (height, width, 4), BGRA.
        """
        width, height = view.size
        random = np.random.default_rng(view.frame)
        return random.integers(60, 200, (height, width, 4)).astype(np.uint8)
