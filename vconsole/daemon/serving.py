"""Answers on a socket that somebody else has bound: a Unix one keeps its path when it is closed."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

_TAKE_S: Final = 5.0
"""For a client to take the rest of its answer."""
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KEEPS_PATH: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""Of ``start_unix_server``: whoever made a path takes it away. Python 3.13 would do it by itself,
also where another program listens there by now."""


async def serve(client: Client, listener: socket.socket, limit: int) -> asyncio.Server:
    """Begin to answer; no line of a client is longer than `limit` bytes."""
    if listener.family == socket.AF_UNIX:
        return await asyncio.start_unix_server(client, sock=listener, limit=limit, **KEEPS_PATH)
    return await asyncio.start_server(client, sock=listener, limit=limit)


async def serve_until_cancelled(client: Client, listener: socket.socket, limit: int) -> None:
    """Answer, and leave all clients at the end, whatever they have not read by then.

    Not by ``serve_forever``: from Python 3.12 on it waits at its end until the last client is gone.
    """
    clients: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        try:
            # Of a client that is cancelled asyncio in Python 3.11 would log a traceback.
            with suppress(OSError, asyncio.CancelledError):
                await client(reader, writer)
                writer.close()
                async with asyncio.timeout(_TAKE_S):
                    await writer.wait_closed()
        finally:
            clients.discard(task)
            writer.transport.abort()  # who does not read would keep it open, and its answer

    server = await serve(meet, listener, limit)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
