"""How long a vehicle has stood still, and how long it has moved since: ego inputs that an image
does not show. A driver that has waited at a stop sign goes on, one that has just come there waits;
and one that rolls over the line, which no camera shows any more, has stood there before, or has yet
to stop.

Recording, driving in a simulator, the leaderboards' agent and the vehicle's loop count by this one
class. So a model is given in the vehicle what it was given in training.
"""

from __future__ import annotations

import math

STANDING_MPS = 0.1
"""A vehicle that is no faster than this stands still."""
MAX_STANDING_S = 4.0
"""It is counted no further than this: whoever has stood so long at a stop sign has stopped there.
Recordings show long waits where somebody has to wait, and a model that is told of its own long wait
concludes that it has to wait.
"""

MAX_MOVING_S = 10.0
"""Likewise for a vehicle that moves: after so long it is past where it stood."""


class StandingTime:
    """Counts the time since a vehicle has stood still, and since it has moved.

    Attributes:
        standing_s: how long it has stood at the last `update`, in seconds: 0 while it moves and
            when it has just come to rest, at most `MAX_STANDING_S`; NaN where the speed is not
            known.
        moving_s: how long it has moved since it last stood, likewise: 0 while it stands, at most
            `MAX_MOVING_S`, which it also is where the vehicle was never seen to stand.

    Examples:
        >>> from auxdrive import StandingTime
        >>> standing = StandingTime()
        >>> standing.update(4.0, 10.0), standing.update(0.0, 10.5), standing.update(0.05, 12.5)
        (0.0, 0.0, 2.0)
        >>> standing.update(3.0, 14.0), standing.moving_s
        (0.0, 1.5)
    """

    def __init__(self) -> None:
        self.standing_s = self.moving_s = math.nan
        self._since_s: float | None = None
        self._stood_s = -math.inf

    def update(self, speed_mps: float, time_s: float) -> float:
        """Note the speed at a moment. Call it often: what happens in between is not seen.

        Args:
            speed_mps: forward speed. Where it is not known (NaN), nothing is noted.
            time_s: of that moment, on any clock that goes on.

        Returns:
            How long it has stood, `standing_s`.
        """
        if math.isnan(speed_mps):
            self.standing_s = self.moving_s = math.nan
        elif abs(speed_mps) > STANDING_MPS:
            self._since_s, self.standing_s = None, 0.0
            self.moving_s = min(max(time_s - self._stood_s, 0.0), MAX_MOVING_S)
        else:
            if self._since_s is None:
                self._since_s = time_s
            self._stood_s, self.moving_s = time_s, 0.0
            self.standing_s = min(max(time_s - self._since_s, 0.0), MAX_STANDING_S)
        return self.standing_s
