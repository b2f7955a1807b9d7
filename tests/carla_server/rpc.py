"""msgpack-rpc as CARLA's client speaks it: the table of calls, and one connection."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, cast

import msgpack

from .world import Refused, World

Handler = Callable[..., Any]
Made = TypeVar("Made", bound=Handler)


class Returns(Enum):
    """How the client reads the result of a call."""

    VALUE = "a value or an error"
    NOTHING = "nothing or an error"
    BARE = "a value that is not wrapped"


@dataclass(frozen=True)
class Call:
    """One function of the server; it is given the world and the client's arguments."""

    handler: Handler
    returns: Returns


CALLS: dict[str, Call] = {}


def call(*names: str, returns: Returns = Returns.VALUE) -> Callable[[Made], Made]:
    """Serve a function under these names.

    Args:
        names: as the client calls it.
        returns: how the client reads the result.
    """

    def keep(handler: Made) -> Made:
        for name in names:
            CALLS[name] = Call(handler, returns)
        return handler

    return keep


def answer(world: World, name: str, arguments: list[Any]) -> Any:
    """The result of one call, wrapped as the client expects it.

    Args:
        world: to act on.
        name: of the call.
        arguments: without the metadata.
    """
    log = world.log
    log.calls[name] += 1
    if name not in CALLS:
        if name not in log.unknown:
            print(f"carla_server: {name} is not served: {arguments!r:.300}", file=sys.stderr)
        log.unknown[name] = f"{arguments!r:.2000}"
        return _wrong(Returns.VALUE, f"{name} is not served by the test server")
    found = CALLS[name]
    try:
        value = found.handler(world, *arguments)
    except Refused as error:
        return _wrong(found.returns, str(error))
    except Exception as error:  # noqa: BLE001 - told to the client and to the test, which fails
        log.failures.append(f"{name}{arguments!r:.300}: {error!r}")
        traceback.print_exc()
        return _wrong(found.returns, f"{name}: {error!r}")
    if found.returns is Returns.VALUE:
        return [[1, value]]
    return [[False]] if found.returns is Returns.NOTHING else value


def _wrong(returns: Returns, text: str) -> Any:
    return [[True, [text]]] if returns is Returns.NOTHING else [[0, [text]]]


class Connection(asyncio.Protocol):
    """One connection of a client to the RPC port."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unpacker = msgpack.Unpacker(
            raw=False, strict_map_key=False, unicode_errors="surrogateescape"
        )
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client came.

        Args:
            transport: to it.
        """
        self._transport = cast(asyncio.Transport, transport)
        self._world.log.clients.add(self._transport)

    def data_received(self, data: bytes) -> None:
        """Answer the calls that are complete.

        Args:
            data: received.
        """
        self._unpacker.feed(data)
        for message in self._unpacker:
            number = message[1] if message[0] == 0 else None
            name, arguments = message[-2], list(message[-1])
            if arguments and arguments[0] in ([True], [False]):  # metadata: is it asynchronous?
                arguments = arguments[1:]
            result = answer(self._world, name, arguments)
            if number is not None and self._transport is not None:
                self._transport.write(bytes(msgpack.packb([1, number, None, result])))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went; what it spawned stays, as in CARLA.

        Args:
            exc: why.
        """
        if self._transport is not None:
            self._world.log.clients.discard(self._transport)
