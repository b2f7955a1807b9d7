"""How long an agent may take."""

from __future__ import annotations

from dataclasses import dataclass

from auxdrive.errors import UsageError


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """How long an agent may take before its process is ended, in seconds of wall time; infinity is
    allowed.

    Attributes:
        setup_s: for loading, and for resetting before a route.
        tick_s: for one prediction.
    """

    setup_s: float = 300.0
    tick_s: float = 60.0

    def __post_init__(self) -> None:
        for name, value in (("to be set up", self.setup_s), ("for a prediction", self.tick_s)):
            if not value > 0:
                raise UsageError(
                    f"the time that an agent has {name} is a number of seconds above 0, got {value}"
                )
