"""A proxy between a process and PostgreSQL that resets, stalls or delays what goes through it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

CHUNK = 65_536
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""


class Proxy:
    """Forwards to a port of this machine. `delay` holds each piece back; while `stalled` nothing passes."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._server: asyncio.Server
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.delay = 0.0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self._flows.set()
        self.reset()
        await self._server.wait_closed()

    def reset(self) -> None:
        """Cuts every connection off, in both directions."""
        for writer in [w for pair in self._pairs for w in pair]:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            writer.transport.abort()

    async def stall(self, seconds: float) -> None:
        """Swallows everything for a while; then the connections are gone."""
        self._flows.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.reset()
            self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, inner_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(reader, inner_writer), self._pump(inner_reader, writer))
        finally:
            self._pairs.discard(pair)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                await asyncio.sleep(self.delay)
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
        with suppress(OSError):
            writer.close()
