"""The server: two ports and one event loop, in a process of its own or in a thread."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable
from types import TracebackType

from . import batches, calls_actors, calls_episode, calls_lights, calls_tests
from .rpc import Connection
from .streams import Subscription
from .world import World

HOST = "127.0.0.1"
FREE_RUNNING = 0.01  # s between ticks while no client has asked for synchronous mode
SERVED = (batches, calls_actors, calls_episode, calls_lights, calls_tests)  # fill CALLS


class Server:
    """Serves one world; in its block in a thread of this process, which a fault `die` ends too.

    Args:
        world: to serve.
        port: of the RPC; 0 for a free one. The streams have a free one of their own.
    """

    def __init__(self, world: World, port: int = 0) -> None:
        self.world, self.port = world, port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    async def serve(self, ready: Callable[[int], None]) -> None:
        """Serve until `stop`.

        Args:
            ready: called with the RPC port when both ports are open.
        """
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        streams = await self._loop.create_server(lambda: Subscription(self.world.streams), HOST, 0)
        self.world.streams.port = streams.sockets[0].getsockname()[1]
        rpc = await self._loop.create_server(lambda: Connection(self.world), HOST, self.port)
        self.port = rpc.sockets[0].getsockname()[1]
        runner = asyncio.create_task(self._run_free())
        ready(self.port)
        await self._stop.wait()
        runner.cancel()
        for server in (rpc, streams):
            server.close()
        for transport in [*self.world.log.clients, *self.world.streams.connections]:
            transport.abort()
        await asyncio.gather(runner, return_exceptions=True)
        await asyncio.gather(rpc.wait_closed(), streams.wait_closed())

    def stop(self) -> None:
        """End `serve`; from any thread."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def _run_free(self) -> None:
        while True:
            await asyncio.sleep(FREE_RUNNING)
            if not self.world.settings.synchronous:
                try:
                    self.world.tick()
                except Exception as error:  # noqa: BLE001 - told to the test, which fails
                    self.world.log.failures.append(f"a tick of the free run: {error!r}")
                    traceback.print_exc()
                    return

    def __enter__(self) -> Server:
        opened = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self.serve(lambda _port: opened.set()))
        )
        self._thread.start()
        while not opened.wait(0.05):
            if not self._thread.is_alive():
                raise RuntimeError(f"the server could not open port {self.port}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()
