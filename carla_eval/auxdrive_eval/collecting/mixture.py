"""Who drives while a data set is recorded: the expert or a student, in stretches that are drawn.

In DAgger (Ross et al. 2011, algorithm 3.1) the expert drives with a probability that falls from
round to round. It is drawn for a stretch of some seconds and not for every tick, since a car whose
driver changes twenty times a second shows neither the student's mistakes nor how the expert gets
out of them.
"""

from __future__ import annotations

from auxdrive_eval.random_streams import stream

STRETCH_S = (3.0, 8.0)


class Mixture:
    """Stretches drawn from a seed. Ask for times in ascending order.

    Args:
        seed: of the stretches' lengths and drivers.
        expert_share: the probability, 0 to 1, with which the expert drives a stretch.
    """

    def __init__(self, seed: int, expert_share: float) -> None:
        self._rng, self._expert_share = stream(seed, "mixture"), expert_share
        self._end_s, self._expert = 0.0, True

    def expert_drives(self, time_s: float) -> bool:
        """Whether the expert drives at that time.

        Args:
            time_s: game time since the route began.
        """
        while time_s >= self._end_s:
            self._end_s += float(self._rng.uniform(*STRETCH_S))
            self._expert = bool(self._rng.random() < self._expert_share)
        return self._expert
