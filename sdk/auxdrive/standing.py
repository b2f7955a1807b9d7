"""How long a vehicle has stood still: an ego input that an image does not show. A driver that has
waited at a stop sign goes on, one that has just come there waits.

Recording, driving in a simulator, the leaderboards' agent and the vehicle's loop count by this one
class. So a model is given in the vehicle what it was given in training.
"""

from __future__ import annotations

import math

STANDING_MPS = 0.1
"""A vehicle that is no faster than this stands still."""
MAX_STANDING_S = 30.0
"""It is counted no further than this. Longer waits are rare in training, and the model would be
asked about times that it has never seen.
"""


class StandingTime:
    """Counts the time since a vehicle has stood still.

    Examples:
        >>> from auxdrive import StandingTime
        >>> standing = StandingTime()
        >>> standing.update(4.0, 10.0), standing.update(0.0, 10.5), standing.update(0.05, 12.5)
        (0.0, 0.0, 2.0)
    """

    def __init__(self) -> None:
        self._since_s: float | None = None

    def update(self, speed_mps: float, time_s: float) -> float:
        """Note the speed at a moment. Call it often: what happens in between is not seen.

        Args:
            speed_mps: forward speed. Where it is not known (NaN), nothing is noted.
            time_s: of that moment, on any clock that goes on.

        Returns:
            How long it has stood, in seconds: 0 while it moves and when it has just come to rest,
            at most `MAX_STANDING_S`; NaN where the speed is not known.
        """
        if math.isnan(speed_mps):
            return math.nan
        if abs(speed_mps) > STANDING_MPS:
            self._since_s = None
            return 0.0
        if self._since_s is None:
            self._since_s = time_s
        return min(max(time_s - self._since_s, 0.0), MAX_STANDING_S)
