"""Where metrics go: the common disk, disks of domains, virtio channels, xenstore."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from vconsole.features.metrics.daemon.actions import ActionPool, environment
from vconsole.features.metrics.daemon.channel import Channels, Content
from vconsole.features.metrics.daemon.collect import Collection
from vconsole.features.metrics.daemon.domain_disks import DomainDisks
from vconsole.features.metrics.model.disk import ContentTooLarge, DiskError, DiskWriter
from vconsole.features.metrics.model.document import render, render_for_domain
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.spec import VhostmdConfig

XENSTORE_TOOL: Final = "xenstore-write"
_XENSTORE_LIMIT_S: Final = 5.0
_LARGEST: Final = 3


class PublishError(Exception):
    """A configuration whose outputs cannot be opened; the message says which and why."""


class Publisher:
    """The outputs of one configuration after the other.

    Args:
        pool: For xenstore's tool.
        owners: Whose disks may be taken over besides root's and the daemon's.
    """

    def __init__(self, pool: ActionPool, owners: Iterable[int] = ()) -> None:
        self._pool, self._owners = pool, frozenset(owners)
        self._config: VhostmdConfig | None = None
        self._disk: DiskWriter | None = None
        self._domain_disks: DomainDisks | None = None
        self.channels: Channels | None = None
        """Of the configuration in force; None without virtio. Whoever runs the daemon runs it."""
        self.content_bytes = 0
        """Length of the latest document of the common disk."""

    def configure(self, config: VhostmdConfig) -> None:
        """Open what the configuration asks for, and let go of what it does not.

        Raises:
            PublishError: That is not possible; all stays as it was.
        """
        check_transports(config)
        try:
            self._configure_disk(config)
        except (DiskError, OSError, ValueError) as error:
            raise PublishError(str(error)) from error
        self._configure_domain_disks(config)
        if self._config is None or _channel_options(config) != _channel_options(self._config):
            wanted, compat = config.virtio, config.settings.compat_newline
            self.channels = Channels(wanted, compat) if "virtio" in config.transports else None
        self._config = config

    async def publish(
        self, collection: Collection, ids: Mapping[int, str], defined: frozenset[str] | None
    ) -> tuple[str, ...]:
        """Put metrics where the configuration says.

        Args:
            collection: The metrics.
            ids: Domain id -> UUID of those that run.
            defined: The UUIDs of all domains; None if that is not known.

        Returns:
            What went wrong, a line each; the other outputs have the metrics.
        """
        assert self._config is not None  # configured first
        errors = [*self._write_disk(collection)]
        if self._domain_disks is not None:
            errors += self._domain_disks.update(self._documents(collection), defined)
        if self.channels is not None:
            contents = {u: Content(collection.host, own) for u, own in collection.domains.items()}
            self.channels.update(ids, contents)
        if "xenstore" in self._config.transports:
            errors += await self._write_xenstore(collection, ids)
        return tuple(errors)

    def close(self) -> None:
        """Leave all disks readable."""
        for disks in (self._disk, self._domain_disks):
            if disks is not None:
                disks.close()

    # -- the common disk -----------------------------------------------------------------------

    def _configure_disk(self, config: VhostmdConfig) -> None:
        old, path, size_bytes = self._disk, Path(config.disk_path), config.file_bytes
        if old is not None and (old.path, old.size_bytes) == (path, size_bytes):
            return
        new = DiskWriter(path, size_bytes, trusted_uids=self._owners)
        if old is not None and old.path == path:  # the lock is one for both
            old.close()
        try:
            new.create()
        except BaseException:
            if old is not None and old.path == path:
                old.create()
            raise
        if old is not None:
            old.close()
        self._disk = new

    def _write_disk(self, collection: Collection) -> Iterable[str]:
        assert self._config is not None
        assert self._disk is not None
        metrics: list[Metric] = []
        if "vbd" in self._config.transports:
            alone = self._config.settings.domain_disks
            metrics = list(collection.host) if alone else collection.everything
        content = render(metrics, self._config.settings.compat_newline)
        try:
            self._disk.update(content)
        except ContentTooLarge as error:
            yield f"{error}; largest: {_largest(metrics)}"
        except OSError as error:
            yield f"{self._disk.path}: {error}"
        else:
            self.content_bytes = len(content)

    # -- disks of domains ----------------------------------------------------------------------

    def _configure_domain_disks(self, config: VhostmdConfig) -> None:
        directory, old = Path(config.disk_path).parent, self._domain_disks
        if config.settings.domain_disks:
            if old is not None and old.directory == directory:
                return
            self._domain_disks = DomainDisks(directory, owners=self._owners)
        else:
            self._domain_disks = None
        if old is not None:  # the files stay: a domain whose disk is gone does not start
            old.close()

    def _documents(self, collection: Collection) -> dict[str, bytes]:
        assert self._config is not None
        compat = self._config.settings.compat_newline
        return {
            uuid: render_for_domain((*collection.host, *own), uuid, compat)
            for uuid, own in collection.domains.items()
        }

    # -- xenstore ------------------------------------------------------------------------------

    async def _write_xenstore(self, collection: Collection, ids: Mapping[int, str]) -> list[str]:
        assert self._config is not None
        documents, errors = self._documents(collection), []
        for number, uuid in ids.items():
            text = documents[uuid].decode().removesuffix("\n")
            argv = (XENSTORE_TOOL, f"/local/domain/{number}/metrics", text)
            environ = environment(self._config.path, {})
            run = await self._pool.run(argv, environ, limit_s=_XENSTORE_LIMIT_S)
            if run.error:
                errors.append(f"xenstore: domain {number}: {run.error}")
        return errors


def check_transports(config: VhostmdConfig) -> None:
    """See that what carries the metrics is there.

    Raises:
        PublishError: It is not.
    """
    if "xenstore" in config.transports and not shutil.which(XENSTORE_TOOL, path=config.path):
        raise PublishError(
            f"<transport>: xenstore needs the program {XENSTORE_TOOL}, which is not in <path>; "
            "on KVM use vbd or virtio"
        )


def _channel_options(config: VhostmdConfig) -> tuple[object, ...]:
    return "virtio" in config.transports, config.virtio, config.settings.compat_newline


def _largest(metrics: Iterable[Metric]) -> str:
    """The names that take most of the room, all domains together."""
    sizes: dict[tuple[str, str], int] = {}
    for metric in metrics:
        key = (metric.context, metric.name)
        sizes[key] = sizes.get(key, 0) + len(render((metric,))) - len(render(()))
    first = sorted(sizes.items(), key=lambda item: -item[1])[:_LARGEST]
    return ", ".join(f"{name} ({context}) {size} bytes" for (context, name), size in first)
