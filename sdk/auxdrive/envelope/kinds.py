"""The fallbacks of the safety envelope by name. It imports nothing, for the help of commands."""

from __future__ import annotations

from typing import Literal

FallbackKind = Literal["stop", "slow_straight", "hold"]
"""What `auxdrive.EnvelopeFallback.kind` may be; what each does stands there."""
