"""One open connection to libvirt, and what was learned about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial
from math import inf
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from vconsole.host import errors, here, uri
from vconsole.host.events import Events, run_loop
from vconsole.host.source import HostError
from vconsole.model.host_state import Connection

if TYPE_CHECKING:
    from vconsole.host.proc import Guest
    from vconsole.host.simulation import Simulation

T = TypeVar("T")
Wake = Callable[[], None] | None
"""Called at each event, from another thread; None where nobody waits for any."""
FAR_S = 0.01
"""A host whose quickest answer takes longer is far away: a call waits for the way, not for it."""
REFUSED_S = 60.0
"""How long what this user may not read is not asked for again."""
_NO_SUCH_VCPU = 32767
_LIVE = 1
"""VIR_DOMAIN_AFFECT_LIVE."""


class Link:
    """A connection with its errors sorted: lost, not to be had, or of the moment.

    Attributes:
        conn: libvirt's connection.
        connection: What the screen may know of it.
        calls: How many calls were made; a call may be several round trips.
        called_at: When the latest began, in monotonic seconds.
        slowest_s: The longest that one took since somebody set this to 0.
        notes: Calls that the driver lacks or forbids, with the reason; they are not made again.
        denied: Those among them that this user may not make.
        simulation: What stands for the host's kernel where the host is invented.
    """

    simulation: Simulation | None = None

    wanted_anew: ClassVar[float] = 0.0
    """When somebody asked to read everything again, in monotonic seconds: of whatever connection,
    what was refused before is asked for anew."""
    _anew_at: float = 0.0
    """When this one began to."""
    _refusals: Mapping[str, tuple[float, Exception]] = MappingProxyType({})
    """What was refused to this user -> when it is asked for again, and the refusal; replaced."""
    _until: float = inf
    """No call begins after this moment, in monotonic seconds."""
    _quickest_s: float = inf
    """The shortest time that the host's name or a domain's XML took."""

    def __init__(self, conn: Any, connection: Connection, wake: Wake = None) -> None:
        self.conn, self.connection = conn, connection
        self.calls, self.called_at, self.slowest_s = 0, 0.0, 0.0
        self.notes: dict[str, str] = {}
        self.denied: dict[str, str] = {}
        self.abandoned = False
        self.stuck = False
        """A call on it hangs: what comes next opens another; see storage's `patience`."""
        self.events = Events(conn, wake)

    @property
    def in_process(self) -> bool:
        """The test driver in this process: no round trips, and no machine behind it."""
        return self.connection.uri.startswith("test:///")

    @property
    def sees_guests(self) -> bool:
        """The processes of its domains can be looked at."""
        return self.connection.local or self.simulation is not None

    def find_guests(self) -> dict[str, Guest]:
        """UUID -> process; none where they run elsewhere."""
        if self.simulation is not None:
            return self.simulation.find_guests()
        if not self.connection.local:
            return {}
        from vconsole.host.proc import find_guests

        return find_guests()

    def why_unseen(self, uuid: str) -> str:
        """Why `find_guests` does not have a domain."""
        active = self.call(self.call(self.conn.lookupByUUIDString, uuid).isActive)
        return "its process is not to be seen from here" if active else "it does not run"

    def meet(self) -> None:
        """Watch the peer, ask for events and for the host's name: not needed to list domains."""
        import libvirt

        from vconsole.host.together import together

        with suppress(libvirt.libvirtError):
            name = self._timed(self.conn.getHostname)
            self.connection = replace(self.connection, hostname=name)
        self.events.watch(self.call)
        together(self, partial(self.events.subscribe, self.call), self.events.kinds)

    def until(self, moment: float) -> Link:
        """The same connection for one request: it begins no call after `moment`, monotonic seconds.

        Whoever asked has stopped waiting then, and must not find later that it was done after all.
        """
        link = copy(self)
        link._until = moment
        return link

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call libvirt.

        Raises:
            HostError: The connection is gone, or nobody waits for the answer any more.
            libvirt.libvirtError: Any other error.
        """
        import libvirt

        now = monotonic()
        if self.abandoned or now > self._until:
            raise HostError("abandoned", "the call was given up")
        if self.events.closed is not None:
            raise HostError("connection lost", self.events.closed)
        if self._anew_at < self.wanted_anew:
            self.ask_anew()
        if self._refusals:
            self._refuse_again(function, arguments)
        self.calls, self.called_at = self.calls + 1, now
        try:
            answer = function(*arguments)
            self.slowest_s = max(self.slowest_s, monotonic() - now)
            return answer
        except libvirt.libvirtError as error:
            if errors.lost(self.conn):
                raise HostError("connection lost", errors.message(error)) from error
            if errors.denied(error) and (key := _call_key(function, arguments)):
                self._refusals = {**self._refusals, key: (monotonic() + REFUSED_S, error)}
            raise

    def _refuse_again(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Raise what the same call was refused with: pages ask again and again, daemons log it."""
        key = _call_key(function, arguments)
        again_at, refusal = self._refusals.get(key, (0.0, None))
        if refusal is not None and monotonic() < again_at:
            raise refusal.with_traceback(None)  # else it grows at each raise

    def ask_anew(self) -> None:
        """Ask again for what was refused: somebody wants it now, and may be allowed by now."""
        self._anew_at, self._refusals = monotonic(), {}
        for name in list(self.denied):
            self.notes.pop(name, None)
            self.denied.pop(name, None)

    def attempt(self, name: str, function: Callable[..., T], *arguments: Any) -> T | None:
        """Call what a host may lack; None without it. What is refused for good is noted once.

        Raises:
            HostError: The connection is gone.
        """
        import libvirt

        if self._anew_at < self.wanted_anew:
            self.ask_anew()
        if name in self.notes:
            return None
        try:
            return self.call(function, *arguments)
        except libvirt.libvirtError as error:
            if errors.denied(error):
                self.denied[name] = self.notes[name] = errors.message(error)
            elif errors.unsupported(error):
                self.notes[name] = errors.message(error)
        except (UnicodeError, OverflowError, TypeError, ValueError) as error:
            self.notes[name] = errors.one_line(error)
        return None

    def demand(self, name: str, function: Callable[..., T], *arguments: Any) -> T | None:
        """Call what a host may lack, as `attempt` does, where None means that it does.

        Raises:
            HostError: The connection is gone.
            libvirt.libvirtError: It fails at the moment: nobody may take that for nothing there.
        """
        found = self.attempt(name, function, *arguments)
        if found is None and name not in self.notes:
            return self.call(function, *arguments)
        return found

    def xml_of(self, domain: Any, flags: int = 0) -> str:
        """The XML of a domain (virDomainGetXMLDesc).

        Raises:
            HostError: The connection is gone, or nobody waits for the answer any more.
            libvirt.libvirtError: It cannot be had.
        """
        return str(self._timed(domain.XMLDesc, flags))

    def _timed(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call what takes the daemon no time, and see how long the way is."""
        begun = monotonic()
        found = self.call(function, *arguments)
        self._quickest_s = min(self._quickest_s, monotonic() - begun)
        return found

    @property
    def far(self) -> bool:
        """Answers take the time of the way here; False as long as nothing was read."""
        return FAR_S < self._quickest_s < inf

    def close(self) -> None:
        """Let go of the connection and everything that hangs on it."""
        import libvirt

        self.events.unsubscribe()
        with suppress(libvirt.libvirtError):
            self.conn.close()


def _call_key(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """Tells calls apart, whatever handle they are made by; empty where that cannot be."""
    owner = getattr(function, "__self__", None)
    for name in ("UUIDString", "key", "name"):
        if callable(told := getattr(owner, name, None)):
            return f"{function.__qualname__} {told()} {arguments}"
    of_host = type(owner).__name__ == "virConnect"
    return f"{function.__qualname__} {arguments}" if of_host else ""


def open_link(
    given: str | None,
    read_only: bool,
    demo: bool,
    wake: Wake = None,
    meet: bool = True,
) -> Link:
    """Connect to `given`, None being libvirt's default, or to the demo host.

    Args:
        given: The URI.
        read_only: Change nothing, even where that is allowed.
        demo: Whatever is given, open the demo host.
        wake: Called from another thread at each event; without it none is asked for.
        meet: Ask for events at once; else it is `Link.meet` that does.

    Raises:
        HostError: That is not possible; the message names the URI and the cause.
    """
    try:
        import libvirt
    except ImportError as error:
        raise HostError("no libvirt", f"libvirt-python is not usable: {error}") from error
    libvirt.registerErrorHandler(_ignore, None)
    run_loop()
    link = _open_demo(read_only, wake) if demo else _open_link(given, read_only, wake)
    if meet:
        link.meet()
    return link


def _open_link(given: str | None, read_only: bool, wake: Wake) -> Link:
    import libvirt

    conn, reason = _open(given, read_only)
    try:
        return Link(conn, _describe(conn, given, reason), wake)
    except libvirt.libvirtError as error:
        raise HostError("cannot connect", _with_uri(given, error)) from error


def _open_demo(read_only: bool, wake: Wake) -> Link:
    """A further connection to the demo host of this process."""
    import libvirt

    from vconsole.host.demo.connection import Connection as DemoConnection
    from vconsole.host.demo.fleet import GUIDE

    try:
        conn = DemoConnection()
    except libvirt.libvirtError as error:
        raise HostError("cannot connect", _with_uri(uri.DEMO_URI, error)) from error
    found = _describe(conn, uri.DEMO_URI, "--read-only was given" if read_only else None)
    link = Link(conn, replace(found, demo=True, split_pins=True, guide=GUIDE), wake)
    link.simulation = conn.world
    return link


def _open(wanted: str | None, read_only: bool) -> tuple[Any, str | None]:
    """(connection, why it is read-only or None)."""
    import libvirt

    target = _utf8(uri.quiet(wanted))
    reason = "--read-only was given" if read_only else ""
    if not reason and uri.for_reading(target):
        reason = "its socket is the one for reading"
    if not reason:
        try:
            return libvirt.open(target), None
        except libvirt.libvirtError as error:
            if not errors.denied(error):
                raise _unreachable(wanted, error) from error
            reason = f"{REFUSED}: {errors.message(error)}"
    try:
        return libvirt.openReadOnly(uri.read_only_variant(target)), reason
    except libvirt.libvirtError as error:
        raise _unreachable(wanted, error) from error


def _utf8(wanted: str | None) -> str | None:
    try:
        (wanted or "").encode("utf-8")
    except UnicodeEncodeError as error:
        name = (wanted or "").encode("utf-8", "backslashreplace").decode()
        raise HostError("cannot connect", f"the URI {name} is not UTF-8") from error
    return wanted


def _unreachable(wanted: str | None, error: Exception) -> HostError:
    cure = here.cure(
        wanted,
        refused=errors.denied(error),
        busless=errors.busless(error),
        dead=errors.dead(error),
        gone=errors.absent(error),
    )
    return HostError("cannot connect", _with_uri(wanted, error), cure)


def _describe(conn: Any, wanted: str | None, reason: str | None) -> Connection:

    driver = errors.one_line(conn.getType(), 40)
    actual = wanted or conn.getURI()
    return Connection(
        uri=actual,
        driver=driver,
        local=driver.upper() == "QEMU" and uri.is_this_machine(actual),
        read_only=reason is not None,
        read_only_reason=reason or "",
        notice=f"reading only: {cure}" if (cure := more_rights(actual, reason or "")) else "",
        split_pins=driver.upper() != "TEST",
        capable=True,
    )


REFUSED = "libvirt allows no more"


def more_rights(known_as: str, reason: str) -> str:
    """What a user may do who is only let in to read on this machine, for what reason."""
    return here.cure(known_as, refused=True) if reason.startswith(REFUSED) else ""


def probe_split_pins(link: Link, domain: Any) -> bool:
    """Whether the driver keeps live and config pins apart; asks for a change that cannot be made.

    QEMU is not asked: it does, and the question would wait for a domain that is busy. Nor is the
    demo host.
    """
    import libvirt

    known = link.connection.driver.upper() == "QEMU" or link.simulation is not None
    if known or link.connection.read_only:
        return link.connection.split_pins
    try:
        link.call(domain.pinVcpuFlags, _NO_SUCH_VCPU, (True,), _LIVE)
    except libvirt.libvirtError as error:
        refused = errors.code(error) == libvirt.VIR_ERR_INVALID_ARG
        return not (refused and "(0x1)" in str(error))
    return True


def _with_uri(wanted: str | None, error: Exception) -> str:
    return f"{errors.one_line(wanted or uri.expected(None), 120)}: {errors.message(error)}"


def _ignore(_context: Any, _error: Any) -> None:
    """Keep libvirt's own report of an error off the terminal."""
