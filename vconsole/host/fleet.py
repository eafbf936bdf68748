"""The domains of a host: a cheap list each tick, configurations only when something says so.

A configuration is two XML documents. They are read at first sight, after an event, after a change
of our own, and in a slow round over all domains that catches what events missed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from time import monotonic
from typing import Any, Final

from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.host.records import Record, read_records
from vconsole.host.together import WIDTH, together
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain

STATES: Final = {
    0: "no state",
    1: "running",
    2: "idle",
    3: "paused",
    4: "in shutdown",
    5: "shut off",
    6: "crashed",
    7: "pmsuspended",
}
"""virDomainState in virsh's words."""
_XML_INACTIVE: Final = 2
_ONLY_PERSISTENT, _ONLY_AUTOSTART = 4, 1024
_MAX_NAME = 4096
_FIRST_SLICE_S, _SLICE_S = 0.03, 0.1
_AT_LEAST = 4
"""Configurations of a slice, however long they take: what else a reading asks takes as long."""
_LIST_EVERY_S, _LIST_SHARE = 0.5, 5
"""While configurations are still being read, the list is not read again sooner than this, nor
before this many times as long as it took."""
LARGE = 200
"""So many domains leave memory worth giving back once they are read."""
_RESTS, _REST_SHARE, _LONGEST_REST_S = 50, 2000, 10.0
"""Where events tell of every change the list is but a safeguard: that of so many domains may cost
one part in so many of the time."""
_TUPLE_S = 0.0005
"""Seconds for each domain between two tuples of a fleet whose configurations are being read: who is
given another has to sort and count all of them again."""


Texts = tuple[str | None, str | None]
"""The live and the inactive XML of a domain, None where there is none."""


@dataclass(slots=True)
class _Entry:
    """What is known of a domain, and the texts it was read from, as hashes."""

    handle: Any
    domain: Domain
    live_hash: int | None = None
    config_hash: int | None = None


class Fleet:
    """The domains of one connection.

    Args:
        link: The connection.
    """

    def __init__(self, link: Link) -> None:
        self._link, self._everything = link, CpuSet()
        self._entries: dict[bytes, _Entry] = {}
        self._keys: dict[str, bytes] = {}
        self._todo: dict[bytes, None] = {}
        self._persistent: set[bytes] | None = None
        self._autostart: set[bytes] | None = None
        self._domains: tuple[Domain, ...] = ()
        self._stale_tuple = True
        self._next_tuple = 0.0
        self._listed_at = -1.0
        self._members_changed = True
        self._turn = self._round = 0
        self.records: list[Record] = []
        """The latest bulk statistics, if more groups were asked for than the state."""
        self.list_took_s = 0.0

    # -- what others ask -----------------------------------------------------------------------

    @property
    def unfinished(self) -> bool:
        """Configurations are still to be read."""
        return bool(self._todo)

    @property
    def domains(self) -> tuple[Domain, ...]:
        """All domains by name; the same tuple as long as none changed, or many still will."""
        if self._stale_tuple and not (self._todo and monotonic() < self._next_tuple):
            self._next_tuple = monotonic() + _TUPLE_S * len(self._entries)
            entries = sorted(self._entries.values(), key=lambda e: (e.domain.name, e.domain.uuid))
            self._domains = tuple(entry.domain for entry in entries)
            self._stale_tuple = False
        return self._domains

    def handle(self, uuid: str | None) -> Any | None:
        """The virDomain of the latest list."""
        entry = self._entry(uuid)
        return entry.handle if entry else None

    def domain(self, uuid: str | None) -> Domain | None:
        """What is known of one domain."""
        entry = self._entry(uuid)
        return entry.domain if entry else None

    def any_handle(self) -> Any | None:
        """Some domain, active if there is one, to ask the driver something about."""
        entries = self._entries.values()
        active = (e.handle for e in entries if e.domain.active)
        return next(active, None) or next((e.handle for e in entries), None)

    def mark(self, keys: Iterable[bytes]) -> None:
        """Read these configurations again."""
        for key in keys:
            if key in self._entries:
                self._todo[key] = None
            self._members_changed = True
            self._listed_at = -1.0

    def mark_uuid(self, uuid: str) -> None:
        """Read this domain's configuration again."""
        if uuid in self._keys:
            self.mark([self._keys[uuid]])

    def know(self, everything: CpuSet) -> None:
        """All pCPUs of the host: what a row without a pin may use is read again where others are.

        To be called before the first configuration is read.
        """
        if everything != self._everything:
            self._everything = everything
            self.forget_texts()

    def forget_texts(self) -> None:
        """Read every configuration again: what a row without a pin means has changed."""
        for entry in self._entries.values():
            entry.live_hash = entry.config_hash = None
        self.mark(list(self._entries))

    def list_again(self) -> None:
        """Read the list at the next reading."""
        self._listed_at = -1.0

    # -- the list ------------------------------------------------------------------------------

    def look(self) -> None:
        """Read the list and nothing else: one call."""
        self._list(0, 0)

    def read(self, first: str | None = None, groups: int = 0, flags: int = 0) -> bool:
        """Read the list, then configurations for as long as a slice of time lasts.

        Args:
            first: UUID of the domain whose configuration comes first.
            groups: Statistics wanted besides the state (VIR_DOMAIN_STATS_*).
            flags: For the bulk call.

        Returns:
            Whether all there is was read; while configurations wait it may be some of them.
        """
        begun = monotonic()
        whole = not self._todo
        fresh = bool(groups and whole) or begun - self._listed_at >= self._pause_s
        slice_s = _SLICE_S if self._entries else _FIRST_SLICE_S
        if fresh:
            first_of_all = not self._entries
            if first_of_all:
                self._read_members()
            self._list(groups, flags)
            self.list_took_s = monotonic() - begun
            if self._members_changed:
                self._members_changed = False
                if not first_of_all:
                    self.read_persistent()
                    self.read_autostart()
            self._listed_at = begun
        self._details(monotonic() + slice_s, self._keys.get(first or ""))
        return fresh or whole

    @property
    def _pause_s(self) -> float:
        """Seconds from one list to the next: short where nothing tells of changes."""
        if self._listed_at < 0:
            return 0.0
        if self._todo:
            return max(_LIST_EVERY_S, _LIST_SHARE * self.list_took_s)
        if len(self._entries) < _RESTS or not self._link.events.tell:
            return 0.0
        return min(_LONGEST_REST_S, _REST_SHARE * self.list_took_s)

    def _list(self, groups: int, flags: int) -> None:
        records = read_records(self._link, groups, flags)
        self.records = records if groups else []
        seen = {domain.UUID(): (domain, values) for domain, values in records}
        self._round += 1
        for place, (key, (handle, values)) in enumerate(seen.items()):
            state = STATES.get(values.get("state.state", 0), "no state")
            entry = self._entries.get(key)
            if entry is None:
                self._meet(key, handle, state)
            elif entry.domain.state != state or key in self._todo or not (place + self._round) % 8:
                self._see(key, entry, handle, state)
        for key in self._entries.keys() - seen.keys():
            self._drop(key)

    def _see(self, key: bytes, entry: _Entry, handle: Any, state: str) -> None:
        """Look closer at one domain of the list.

        A new name or id without another state is rare and comes with an event: an eighth of the
        domains is asked for it each time, which keeps the list cheap.
        """
        number, name, known = handle.ID(), handle.name()[:_MAX_NAME], entry.domain
        entry.handle = handle
        known_number = -1 if known.id is None else known.id
        if known.state != state or known_number != number or known.name != name:
            self._set(entry, replace(known, name=name, state=state, id=_number(number)))
            self._todo[key] = None

    def _meet(self, key: bytes, handle: Any, state: str) -> None:
        domain = Domain(
            handle.UUIDString(),
            handle.name()[:_MAX_NAME],
            state,
            _number(handle.ID()),
            autostart=_member(key, self._autostart),
            persistent=_member(key, self._persistent),
        )
        self._members_changed = True
        self._entries[key] = _Entry(handle, domain)
        self._keys[domain.uuid] = key
        self._todo[key] = None
        self._stale_tuple = True

    def _drop(self, key: bytes) -> None:
        del self._keys[self._entries.pop(key).domain.uuid]
        self._todo.pop(key, None)
        self._stale_tuple = True

    def _set(self, entry: _Entry, domain: Domain) -> None:
        """Replace what is known of a domain; an equal value keeps the old object."""
        if domain != entry.domain:
            entry.domain = domain
            self._stale_tuple = True

    # -- configurations ------------------------------------------------------------------------

    def _details(self, until: float, first: bytes | None) -> None:
        """Read what is due while there is time; over a long way a few, whatever time they take."""
        if first is not None and first in self._todo:
            self._todo = {first: None, **self._todo}
        least = _AT_LEAST
        while self._todo and (least > 0 or monotonic() < until):
            keys = list(islice(self._todo, WIDTH if self._link.far else 1))
            for key in keys:
                del self._todo[key]
            for key, texts in zip(keys, together(self._link, self._ask, keys), strict=True):
                self._detail(key, texts)
            least -= len(keys)

    def _ask(self, key: bytes) -> Texts | Exception:
        """The texts of a domain, or why they cannot be had."""
        import libvirt

        try:
            entry = self._entries[key]
            return self.texts(entry.domain, entry.handle)
        except (libvirt.libvirtError, UnicodeError) as error:
            return error

    def _detail(self, key: bytes, texts: Texts | Exception) -> None:
        entry = self._entries[key]
        if isinstance(texts, tuple):
            self._take(entry, *texts)
        elif isinstance(texts, UnicodeError):
            self._set(entry, replace(entry.domain, problem="its XML is not valid text"))
        elif errors.gone(texts):
            self._drop(key)
        else:
            problem = f"its configuration cannot be read: {errors.message(texts)}"
            self._set(entry, replace(entry.domain, problem=problem))

    def texts(self, domain: Domain, handle: Any) -> Texts:
        """The live and the inactive XML, None where there is none.

        Raises:
            libvirt.libvirtError: One of them cannot be had.
        """
        live = self._link.xml_of(handle, 0) if domain.active else None
        if domain.persistent is False:
            return live, None
        return live, self._link.xml_of(handle, _XML_INACTIVE)

    def offer(self, uuid: str, live: str | None, config: str | None) -> None:
        """Take texts that somebody else has read just now."""
        if entry := self._entry(uuid):
            self._take(entry, live, config)

    def _take(self, entry: _Entry, live: str | None, config: str | None) -> None:
        hashes = hash(live), hash(config)
        if (entry.live_hash, entry.config_hash) == hashes and entry.domain.detailed:
            return
        entry.live_hash, entry.config_hash = hashes
        from vconsole.host.configured import read_configurations

        split = self._link.connection.split_pins
        self._set(entry, read_configurations(entry.domain, live, config, self._everything, split))

    # -- calls that take turns -----------------------------------------------------------------

    def _read_members(self) -> None:
        self._persistent = self._listed("persistent", _ONLY_PERSISTENT)
        self._autostart = self._listed("autostart", _ONLY_AUTOSTART)

    def read_persistent(self) -> None:
        """Find out which domains have a configuration besides the live one."""
        self._persistent = self._listed("persistent", _ONLY_PERSISTENT)
        for key, entry in self._entries.items():
            persistent = _member(key, self._persistent)
            if entry.domain.persistent != persistent:
                self._set(entry, replace(entry.domain, persistent=persistent))
                self._todo[key] = None

    def read_autostart(self) -> None:
        """Find out which domains start with the host."""
        self._autostart = self._listed("autostart", _ONLY_AUTOSTART)
        for key, entry in self._entries.items():
            autostart = _member(key, self._autostart)
            if entry.domain.autostart != autostart:
                self._set(entry, replace(entry.domain, autostart=autostart))

    def _listed(self, name: str, flags: int) -> set[bytes] | None:
        found = self._link.attempt(name, self._link.conn.listAllDomains, flags)
        return None if found is None else {handle.UUID() for handle in found}

    def reconcile(self) -> None:
        """Look whether the next text of the round is still the one that was read."""
        import libvirt

        keys = list(self._entries)
        if not keys:
            return
        self._turn += 1
        entry = self._entries[keys[self._turn // 2 % len(keys)]]
        domain, inactive = entry.domain, bool(self._turn % 2)
        if (inactive and domain.persistent is False) or not (inactive or domain.active):
            return
        try:
            text = self._link.xml_of(entry.handle, _XML_INACTIVE if inactive else 0)
        except (libvirt.libvirtError, UnicodeError):
            return
        if hash(text) != (entry.config_hash if inactive else entry.live_hash):
            self._todo[self._keys[domain.uuid]] = None

    def _entry(self, uuid: str | None) -> _Entry | None:
        return self._entries.get(self._keys.get(uuid or "", b""))


def _number(number: int) -> int | None:
    return number if number >= 0 else None


def _member(key: bytes, group: set[bytes] | None) -> bool | None:
    return None if group is None else key in group
