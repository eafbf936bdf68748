"""Reads volumes into files and writes them from files, by a stream of libvirt.

Sources: virStorageVolDownload, virStorageVolUpload, virStreamRecv, virStreamSend.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

from vconsole.features.storage.host.files import name_whole, taken_away
from vconsole.features.storage.host.read import pool_handle, pool_of, volume_of, why_in_use
from vconsole.features.storage.model.change import TransferVolume
from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.model.request import Reply
from vconsole.text import duration, size

_PIECE: Final = 1 << 18
"""What is handed over at once: a message of libvirt takes no more."""


class GivenUpError(Exception):
    """Nobody wants the rest."""


def transfer_volume(link: Link, request: TransferVolume) -> Reply:
    """Move the bytes; what was begun and not ended is taken away, or said to be half written."""
    import libvirt

    pool = pool_handle(link, request.pool)
    handle = link.call(pool.storageVolLookupByName, request.volume)
    volume = volume_of(link, handle)
    if volume.key != request.key:
        return Reply("conflict", f"{request.volume} is another volume than was seen; look again")
    if request.upload and (reason := why_in_use(link, pool_of(link, pool), volume, "write it")):
        return Reply("conflict", reason)
    stream = link.call(link.conn.newStream, 0)
    move = _upload if request.upload else _download
    try:
        return move(link, request, handle, stream)
    except (libvirt.libvirtError, OSError, GivenUpError) as error:
        with suppress(libvirt.libvirtError):
            stream.abort()
        left = (
            f"; {request.volume} is half written" if request.upload else taken_away(request.partial)
        )
        return Reply("failed", f"{_reason(error)}{left}")
    finally:
        request.wait.what = ""


def _reason(error: Exception) -> str:
    if isinstance(error, GivenUpError):
        return "given up"
    return (error.strerror or str(error)) if isinstance(error, OSError) else errors.message(error)


def _download(link: Link, request: TransferVolume, handle: Any, stream: Any) -> Reply:
    if os.path.lexists(request.path):
        return Reply("conflict", f"{request.path} is there already; nothing was written")
    partial = Path(request.partial)
    link.call(handle.download, stream, 0, 0, 0)
    progress = _Progress(request, request.size_bytes)
    with partial.open("xb") as file:
        while piece := link.call(stream.recv, _PIECE):
            file.write(piece)
            progress.add(len(piece))
    link.call(stream.finish)
    name_whole(partial, Path(request.path))
    return Reply(read_back=f"{request.path}, {progress.done} bytes")


def _upload(link: Link, request: TransferVolume, handle: Any, stream: Any) -> Reply:
    with open(request.path, "rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes > link.call(handle.info)[1] and volume_of(link, handle).format == "raw":
            raise OSError(27, f"{request.path} is larger than the volume")
        progress = _Progress(request, size_bytes)
        link.call(handle.upload, stream, 0, size_bytes, 0)
        while piece := file.read(_PIECE):
            while piece:
                sent = link.call(stream.send, piece)
                piece = piece[sent:]
                progress.add(sent)
    link.call(stream.finish)
    return Reply(read_back=f"{progress.done} bytes written")


class _Progress:
    """Counts bytes, and says how far it is, how fast and for how long yet."""

    def __init__(self, request: TransferVolume, total: int) -> None:
        self._request, self._total = request, total
        self._begun = self._said = monotonic()
        self.done = 0

    def add(self, count: int) -> None:
        """More is over; raises `GivenUpError`."""
        if self._request.wait.given_up:
            raise GivenUpError
        self.done += count
        now = monotonic()
        if now - self._said < 0.5:
            return
        self._said = now
        rate = self.done / (now - self._begun)
        total = self._total
        share = f"{min(99, 100 * self.done // total)} %  " if total else ""
        left = f"  {duration((total - self.done) / rate)} left" if total > self.done else ""
        self._request.wait.what = f"{share}{size(round(rate))}/s{left}"
