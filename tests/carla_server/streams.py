"""The streaming side: clients subscribe to a stream by its number and are sent its data."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

TCP, IPV4 = 1, 1


class Streams:
    """Who listens to which stream."""

    def __init__(self) -> None:
        self.host, self.port = "127.0.0.1", 0
        self._listeners: dict[int, set[asyncio.Transport]] = {}
        self.connections: set[asyncio.Transport] = set()

    def token(self, stream: int) -> bytes:
        """What a client needs to subscribe.

        Args:
            stream: its number.
        """
        address = socket.inet_aton(self.host) + bytes(12)
        return struct.pack("<IHBB", stream, self.port, TCP, IPV4) + address

    def listened_to(self) -> list[int]:
        """The streams that somebody listens to."""
        return sorted(self._listeners)

    def wanted(self, stream: int) -> bool:
        """Whether anybody listens.

        Args:
            stream: its number.
        """
        return bool(self._listeners.get(stream))

    def send(self, stream: int, payload: bytes) -> None:
        """Send to all who listen.

        Args:
            stream: its number.
            payload: one measurement.
        """
        for transport in tuple(self._listeners.get(stream, ())):
            transport.writelines((struct.pack("<I", len(payload)), payload))

    def add(self, stream: int, transport: asyncio.Transport) -> None:
        """Somebody listens.

        Args:
            stream: its number.
            transport: where to send.
        """
        self._listeners.setdefault(stream, set()).add(transport)

    def remove(self, transport: asyncio.Transport) -> None:
        """Somebody has gone.

        Args:
            transport: where was sent to.
        """
        for stream in [s for s, who in self._listeners.items() if transport in who]:
            self._listeners[stream].discard(transport)
            if not self._listeners[stream]:
                del self._listeners[stream]


class Subscription(asyncio.Protocol):
    """One connection of a client to a stream."""

    def __init__(self, streams: Streams) -> None:
        self._streams, self._asked = streams, b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client came.

        Args:
            transport: to it.
        """
        self._transport = cast(asyncio.Transport, transport)
        self._streams.connections.add(self._transport)

    def data_received(self, data: bytes) -> None:
        """The first four bytes say which stream.

        Args:
            data: received.
        """
        before, self._asked = len(self._asked), self._asked + data
        if before < 4 <= len(self._asked) and self._transport is not None:
            self._streams.add(struct.unpack("<I", self._asked[:4])[0], self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went.

        Args:
            exc: why.
        """
        if self._transport is not None:
            self._streams.connections.discard(self._transport)
            self._streams.remove(self._transport)
