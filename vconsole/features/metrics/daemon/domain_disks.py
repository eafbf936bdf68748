"""A metrics disk for each domain: the host's metrics and its own, and nobody else's.

A disk has to be there before its domain starts, so every domain that is defined has one. It goes
when the domain is undefined.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from vconsole.features.metrics.model.disk import BLOCK_BYTES, DiskError, DiskWriter

_NAME: Final = re.compile(r"vhostmd-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class DomainDisks:
    """The disks ``vhostmd-<uuid>`` of one directory.

    Args:
        directory: Where they are.
        size_bytes: Of each disk.
        owners: Whose files may be taken over besides root's and the daemon's.
    """

    def __init__(
        self, directory: Path, size_bytes: int = BLOCK_BYTES, owners: Iterable[int] = ()
    ) -> None:
        self.directory, self._size_bytes = directory, size_bytes
        self._owners = frozenset(owners)
        self._writers: dict[str, DiskWriter] = {}
        self._swept = False

    def update(
        self, contents: Mapping[str, bytes], defined: frozenset[str] | None
    ) -> Iterator[str]:
        """Write the disks; yields what went wrong, a line each.

        Args:
            contents: UUID -> document, for the domains that run.
            defined: The UUIDs of all domains; None if that is not known.
        """
        if defined is not None:
            self._remove(self._writers.keys() - defined - contents.keys())
            if not self._swept:
                self._swept = True
                self._sweep(defined | contents.keys())
        for uuid in (*contents, *sorted((defined or frozenset()) - contents.keys())):
            try:
                writer = self._writer(uuid)
                if uuid in contents:
                    writer.update(contents[uuid])
            except (DiskError, OSError) as error:
                yield str(error)

    def close(self) -> None:
        """Leave the disks as they are."""
        for writer in self._writers.values():
            with suppress(OSError):
                writer.close()
        self._writers.clear()

    def _writer(self, uuid: str) -> DiskWriter:
        if uuid not in self._writers:
            path = self.directory / f"vhostmd-{uuid}"
            writer = DiskWriter(path, self._size_bytes, trusted_uids=self._owners)
            writer.create()
            self._writers[uuid] = writer
        return self._writers[uuid]

    def _remove(self, uuids: Iterable[str]) -> None:
        for uuid in list(uuids):
            with suppress(OSError):
                self._writers.pop(uuid).remove()

    def _sweep(self, known: Iterable[str]) -> None:
        """Delete the disks of domains that were undefined while no daemon ran."""
        keep = set(known)
        with suppress(OSError), os.scandir(self.directory) as entries:
            for entry in entries:
                found = _NAME.fullmatch(entry.name)
                if found and found[1] not in keep and self._is_ours(entry):
                    os.unlink(entry)

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        status = entry.stat(follow_symlinks=False)
        owners = {os.geteuid(), *self._owners}
        return stat.S_ISREG(status.st_mode) and status.st_uid in owners
