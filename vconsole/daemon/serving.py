"""Answers on a socket that somebody else has bound: a Unix one keeps its path when it is closed."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KEEPS_PATH: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""Of ``start_unix_server``: whoever made a path takes it away. Python 3.13 would do it by itself,
also where another program listens there by now."""


async def serve(client: Client, listener: socket.socket, limit: int) -> asyncio.Server:
    """Begin to answer; no line of a client is longer than `limit` bytes."""
    if listener.family == socket.AF_UNIX:
        return await asyncio.start_unix_server(client, sock=listener, limit=limit, **KEEPS_PATH)
    return await asyncio.start_server(client, sock=listener, limit=limit)
