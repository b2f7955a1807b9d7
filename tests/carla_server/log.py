"""What the server notes of itself, for the test that started it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Log:
    """What was called, what is not served, what went wrong in the server itself, who is there.

    Attributes:
        calls: how often each call came.
        unknown: the arguments of calls that are not served, by name.
        failures: calls in which the server itself failed.
        clients: connections to the RPC port.
    """

    calls: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    clients: set[asyncio.Transport] = field(default_factory=set)
