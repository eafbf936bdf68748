"""A socket that somebody else made is left where it is."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from vconsole.daemon.serving import serve


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_the_path_outlives_the_server(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        async with await serve(_hang_up, listener, 100):
            pass
        assert path.is_socket(), "of Python 3.13 and later"


async def test_a_port_is_served_too() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with await serve(_hang_up, listener, 100):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            assert await reader.read() == b""
            writer.close()
