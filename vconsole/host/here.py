"""Whether libvirt runs on this machine, or could, and what to do where it does not answer."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from vconsole.host.uri import expected, is_this_machine, resolve
from vconsole.model.value import dataclass

_SOCKETS = ("libvirt-sock", "virtqemud-sock")
"""Only these: those for reading stay behind where libvirtd is stopped."""
_DAEMONS = ("libvirtd", "virtqemud", "virtxend", "virtlxcd", "virtchd", "virtvzd", "virtbhyved")
_PROGRAMS = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")
_MANAGERS = frozenset({"systemd", "init", "openrc-init", "runit", "s6-svscan", "dinit", "shepherd"})
"""Names of a first process that starts services; a container's is its program instead."""
_WANTED = ("sockets.target.wants", "multi-user.target.wants")
"""Where systemd has links to what it starts with the machine."""
_URI_DEFAULT = re.compile(r"^\s*uri_default\s*=\s*[\"'](.+?)[\"']", re.MULTILINE)
DEMO_NOTICE = "no libvirt runs here: demo, nothing real changes"


@dataclass(frozen=True, slots=True)
class Here:
    """What of libvirt there is on this machine."""

    answers: bool
    """A daemon's socket is there; systemd listens on it for a daemon that is to be started."""
    daemon: str
    """The daemon that is installed; empty where none is."""
    manager: str
    """The first process, where it is one that starts services; empty in most containers."""
    root: bool
    """Only root needs a daemon that somebody else starts: libvirt starts a user's own."""

    @property
    def may_serve(self) -> bool:
        """libvirt runs here, or something could start it."""
        return self.answers or bool(self.daemon and (self.manager or not self.root))


def look(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> Here:
    """Find out, without libvirt."""
    run = [root / "run/libvirt", root / "var/run/libvirt"]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        run.append(Path(runtime) / "libvirt")
    first = _first_process(root / "proc/1/comm")
    return Here(
        any(_is_socket(place / name) for place in run for name in _SOCKETS),
        _enabled(root / "etc/systemd/system")
        or _installed(root / place.strip("/") for place in _PROGRAMS),
        first if first in _MANAGERS else "",
        os.geteuid() == 0,
    )


def demo_is_all_there_is(given: str | None, here: Here | None = None) -> bool:
    """Nobody named a host, and no libvirt runs on this machine or could be started.

    A name is `given` (an empty one counts: somebody meant something), in the environment, or the
    ``uri_default`` of libvirt's own settings.
    """
    if given is not None or resolve(None) is not None or _uri_default() is not None:
        return False
    return not (here or look()).may_serve


def modular_uri(root: Path = Path("/")) -> str | None:
    """The URI to name where root's default leads nowhere.

    Without one libvirt looks for libvirtd's socket alone. With modular daemons virtproxyd has it,
    which need not be enabled where virtqemud is.
    """
    run = root / "run/libvirt"
    if os.geteuid() or _is_socket(run / "libvirt-sock") or _uri_default() is not None:
        return None
    return "qemu:///system" if _is_socket(run / "virtqemud-sock") else None


def cure(
    uri: str | None,
    here: Here | None = None,
    *,
    refused: bool = False,
    busless: bool = False,
    dead: bool = False,
    gone: bool = False,
) -> str:
    """What to do where a host of this machine cannot be reached; empty for hosts elsewhere.

    Args:
        uri: The host; None is libvirt's default.
        here: What there is on this machine.
        refused: A daemon answers, and does not let this user in.
        busless: A daemon answers, and has no system bus to ask Polkit about this user.
        dead: Its socket is there, and nobody listens on it.
        gone: Its socket is not there; those of other daemons, or of the user's own, may be.
    """
    if uri and (not is_this_machine(uri) or uri.startswith("test:") or "socket=" in uri):
        return ""
    found = here or look()
    if refused:
        return _rights_cure(found)
    if busless:
        return _bus_cure(found)
    if not found.daemon:
        return f"no libvirt daemon is installed here: {INSTALL}; -c URI names another host"
    if found.answers and not (dead or gone):
        return ""
    if "/session" in expected(uri):  # a client of libvirt starts it, where it can
        return f"start it: {found.daemon} -d"
    sudo, verb = "" if found.root else "sudo ", "restart" if dead else "start"
    if found.manager == "systemd":
        return f"{verb} it: {sudo}systemctl {verb} {_unit(found)}"
    return f"start it: {sudo}{found.daemon} -d"


INSTALL = (
    "apt install libvirt-daemon-system (Debian, Ubuntu), dnf install libvirt (Fedora, RHEL),"
    " zypper install libvirt (SUSE)"
)


def _rights_cure(found: Here) -> str:
    """How a user may reach the system's daemon who is not let in; root always may."""
    if found.root:
        return f"the daemon's journal says why: journalctl -u {found.daemon or 'libvirtd'}"
    user = os.environ.get("USER") or "YOU"
    if GROUP in _groups():
        return f"sudo usermod -aG {GROUP} {user}, log in again; for once: sudo vconsole"
    return "sudo vconsole; or let Polkit allow org.libvirt.unix.manage"


def _bus_cure(found: Here) -> str:
    """A daemon that once found no bus looks for none again."""
    daemon = found.daemon or "libvirtd"
    how = f": sudo systemctl start dbus; sudo systemctl restart {daemon}"
    words = f"D-Bus, over which it asks Polkit, must run before {daemon} is started"
    return f"{words}{how if found.manager == 'systemd' else ''}; for once: sudo vconsole"


def _unit(found: Here) -> str:
    return found.daemon if found.daemon == "libvirtd" else f"{found.daemon}.socket"


GROUP = "libvirt"
"""Whose members may do everything, as distributions set it up."""


def _groups() -> frozenset[str]:
    import grp

    return frozenset(group.gr_name for group in grp.getgrall())


def _enabled(units: Path) -> str:
    """The daemon that is started with the machine: where both kinds are installed, one is meant."""
    wanted = [
        units / place / f"{name}.{kind}"
        for name in _DAEMONS
        for place in _WANTED
        for kind in ("socket", "service")
    ]
    return next((path.stem for path in wanted if path.is_symlink()), "")


def _installed(places: Iterable[Path]) -> str:
    known = list(places)
    return next((name for name in _DAEMONS if any((p / name).exists() for p in known)), "")


def _first_process(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return "init"  # not to be known: a service manager is the rule


def _uri_default(environ: Mapping[str, str] = os.environ) -> str | None:
    """What libvirt.conf names, root's in /etc, a user's own in the home (libvirt's rule)."""
    path = Path("/etc/libvirt/libvirt.conf")
    if os.geteuid() != 0:
        base = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '')}/.config"
        path = Path(base, "libvirt", "libvirt.conf")
    try:
        found = _URI_DEFAULT.search(path.read_text("utf-8", "replace"))
    except OSError:
        return None
    return found[1] if found else None


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
