"""Which domains use an image: by its path, its key, its pool and name, or as a base of another.

Format: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from vconsole.features.storage.model.pool import Pool, Volume
from vconsole.model.xml_tree import Element, XmlEditError, read

_PLACES: Final = ("file", "dev", "dir", "name")
"""Attributes of a ``<source>`` that name an image; ``name`` of a network disk."""


@dataclass(frozen=True, slots=True)
class User:
    """A domain, and how it uses an image."""

    uuid: str
    name: str
    how: str
    """``vda``, ``base of vda``, ``snapshot s1``, ``shut off: vda``."""
    running: bool = False
    format: str = field(default="", compare=False)
    """Of the image, as the domain's definition says."""

    def __str__(self) -> str:
        return f"{self.name} ({self.how})"


@dataclass(frozen=True, slots=True)
class Users:
    """Who uses what."""

    by_path: Mapping[str, tuple[User, ...]] = field(default_factory=dict)
    """By the path that is named, and by the one it leads to."""
    by_volume: Mapping[tuple[str, str], tuple[User, ...]] = field(default_factory=dict)
    """(pool, volume) as a ``<source>`` names them -> users."""
    problem: str = ""
    """What could not be read; then nobody can say that an image is free."""

    def of(self, pool: Pool, volume: Volume) -> tuple[User, ...]:
        """Those of a volume, each once."""
        found = [user for path in volume.places for user in self.by_path.get(path, ())]
        found += self.by_volume.get((pool.name, volume.name), ())
        return tuple(dict.fromkeys(found))

    def of_pool(self, pool: Pool) -> tuple[str, ...]:
        """Names of the domains that have an image of the pool."""
        targets = [place for place in (pool.target, pool.leads_to) if place.startswith("/")]
        inside = tuple(place.rstrip("/") + "/" for place in targets)
        names = [
            user.name
            for path, users in self.by_path.items()
            if path.startswith(inside)
            for user in users
        ]
        names += [
            user.name
            for (name, _), users in self.by_volume.items()
            if name == pool.name
            for user in users
        ]
        return tuple(dict.fromkeys(names))


def collect(
    found: Iterable[tuple[Place, User]],
    problem: str = "",
    leads_to: Mapping[str, str] | None = None,
) -> Users:
    """Sort uses by what they name, and by where that leads (path -> path)."""
    paths: dict[str, dict[User, None]] = {}
    volumes: dict[tuple[str, str], dict[User, None]] = {}
    for place, user in found:
        for path in filter(None, {place.path, (leads_to or {}).get(place.path, "")}):
            paths.setdefault(path, {})[user] = None
        if place.pool:
            volumes.setdefault((place.pool, place.volume), {})[user] = None
    return Users(
        {path: tuple(users) for path, users in paths.items()},
        {volume: tuple(users) for volume, users in volumes.items()},
        problem,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image lies, as a ``<source>`` names it."""

    path: str = ""
    pool: str = ""
    volume: str = ""
    role: str = ""
    """``vda``, ``base of vda``, ``copy of vda``."""
    format: str = field(default="", compare=False)


def places(text: str) -> Iterator[Place]:
    """The images that a ``<domain>`` or ``<domainsnapshot>`` names, with their bases and copies.

    Raises:
        XmlEditError: It cannot be read.
    """
    for disk in (node for node in read(text).iter() if node.tag == "disk"):
        target = disk.find("target")
        name = (target.get("dev") if target else None) or disk.get("name") or "disk"
        yield from _chain(disk, name, "")


def _chain(node: Element, name: str, prefix: str) -> Iterator[Place]:
    """The image of a disk, then those below it; a chain is as deep as its XML."""
    said = node.find("driver") or node.find("format")
    for tag, word in (("source", ""), ("mirror", "copy of ")):
        for source in node.findall(tag):
            inner = source if tag == "source" else (source.find("source") or source)
            format_ = (said.get("type") if said and not word else None) or ""
            if place := _place(inner, f"{prefix}{word}{name}", format_):
                yield place
    for base in node.findall("backingStore"):
        yield from _chain(base, name, "base of ")


def _place(source: Element, role: str, format_: str) -> Place | None:
    pool, volume = source.get("pool"), source.get("volume")
    if pool and volume:
        return Place(pool=pool, volume=volume, role=role, format=format_)
    path = next((value for name in _PLACES if (value := source.get(name))), None)
    return Place(path=path, role=role, format=format_) if path else None


def uses(
    uuid: str, name: str, running: bool, texts: Iterable[tuple[str, str]]
) -> tuple[tuple[tuple[Place, User], ...], str]:
    """What a domain's documents name, each with the domain as its user; and what is wrong.

    Args:
        uuid: Of the domain.
        name: Of the domain.
        running: Whether it runs.
        texts: (what the document is, XML): ``""``, ``next start``, ``snapshot NAME``.
    """
    found: dict[tuple[Place, User], None] = {}
    problem = ""
    for kind, text in texts:
        try:
            for place in places(text):
                how = f"{kind}: {place.role}" if kind else place.role
                known = {(p.path, p.pool, p.volume) for p, _ in found}
                if kind == "next start" and (place.path, place.pool, place.volume) in known:
                    continue
                found[place, User(uuid, name, how, running, place.format)] = None
        except XmlEditError as error:
            problem = f"{name}: {error}"
    return tuple(found), problem
