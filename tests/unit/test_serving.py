"""A socket that somebody else made is left where it is."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from vconsole.daemon import serving
from vconsole.daemon.serving import serve, serve_until_cancelled


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


async def _much(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(8 << 20))


async def test_who_does_not_read_is_left_in_time_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours.append(writer)
        await _much(reader, writer)

    monkeypatch.setattr(serving, "_TAKE_S", 0.05)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = asyncio.create_task(serve_until_cancelled(answer, listener, 100))
        await asyncio.sleep(0)
        patient, other = socket.socket(), socket.socket()
        with patient, other:
            patient.connect(listener.getsockname())
            async with asyncio.timeout(30):
                while not ours or ours[0].transport.get_write_buffer_size():
                    await asyncio.sleep(0.01)
            monkeypatch.setattr(serving, "_TAKE_S", 600.0)
            other.connect(listener.getsockname())
            async with asyncio.timeout(30):
                while len(ours) < 2:
                    await asyncio.sleep(0.01)
            server.cancel()
            await asyncio.wait({server}, timeout=30)
            assert server.cancelled()
