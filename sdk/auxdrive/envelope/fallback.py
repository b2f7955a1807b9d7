"""When the envelope falls back, and when it goes on."""

from __future__ import annotations

from auxdrive.envelope.guarded import EnvelopeMode
from auxdrive.envelope.options import EnvelopeFallback


class Fallback:
    """Counts good and bad input and says who commands.

    Args:
        options: see `EnvelopeFallback`.

    Attributes:
        active: whether the last ones were bad often enough, and since then not good for long
            enough.
        latched: whether it is a stop, which stays until `reset`.
    """

    def __init__(self, options: EnvelopeFallback) -> None:
        self._options = options
        self._window = (1 << options.of_last) - 1
        self.reset()

    def reset(self) -> None:
        """Forget what was counted, and a stop."""
        self.active = self.latched = False
        self._bad_bits = 0  # the last `of_last` inputs, the newest as the lowest bit
        self._good_run = 0
        self._held_s = 0.0

    def count(self, bad: bool) -> None:
        """Count one input.

        Args:
            bad: whether something was wrong with it.
        """
        options = self._options
        if self.active:
            self._good_run = 0 if bad else self._good_run + 1
            if self._good_run >= options.end_good:
                self.active, self._bad_bits, self._held_s = False, 0, 0.0
            return
        self._bad_bits = (self._bad_bits << 1 | bad) & self._window
        if self._bad_bits.bit_count() >= options.begin_bad:
            self.active, self._good_run = True, 0

    def mode(self, bad: bool, elapsed_s: float) -> EnvelopeMode:
        """Who commands now.

        Args:
            bad: whether something is wrong with the input of this call.
            elapsed_s: since the last call, or as much as may have passed where that is not known.
        """
        if self.active and not self.latched:
            if self._options.kind == "slow_straight":
                return EnvelopeMode.SLOW_STRAIGHT
            self.latched = self._options.kind == "stop" or self._held_s >= self._options.hold_s
            self._held_s += elapsed_s
        if self.latched:
            return EnvelopeMode.STOP
        if self.active:
            return EnvelopeMode.HOLD
        return EnvelopeMode.BRIDGING if bad else EnvelopeMode.DRIVING
