"""Keeper of a private libvirtd: runs as a program, inside the daemon's own namespaces.

    unshare --mount --net --propagation unchanged python keeper.py BASE

It arranges the mounts, then starts one program for every JSON list that it reads from its
standard input, and answers each with a line. It adopts and buries what those programs leave
behind (libvirt waits for each QEMU it ends to be truly gone, and a slow process 1 would make that
take a minute). When its standard input ends, because the tests are done or dead, it kills every
descendant that is left: nothing else, and nothing is forgotten.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

PR_SET_CHILD_SUBREAPER = 36
OWN_FOLDERS = {
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "log": "/var/log/libvirt",
    "cache": "/var/cache/libvirt",
    "etc": "/etc/libvirt",
    "hostinfo": "/var/lib/hostinfo",
}
HIDDEN_FOLDERS = ("/run/dbus", "/run/systemd")  # no word to the system's machine registry
SYSTEM = Path("/sys/devices/system")


def mount(*arguments: str | Path) -> None:
    """Mount; a failure ends the keeper, after the words of the mount program."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def arrange(base: Path) -> None:
    """Give the daemon folders, a network and a machine of its own."""
    keep_mounts_to_itself()
    for name, target in OWN_FOLDERS.items():
        (base / name).mkdir(exist_ok=True)
        Path(target).mkdir(parents=True, exist_ok=True)
        mount("--bind", base / name, target)
    for folder in HIDDEN_FOLDERS:
        if Path(folder).is_dir():
            mount("-t", "tmpfs", "-o", "mode=755", "none", folder)
    show_own_network(base)
    for name in ("node", "cpu"):
        if (base / "sys" / name).is_dir():
            mount("--bind", base / "sys" / name, SYSTEM / name)
    hide_kvm(base)


def keep_mounts_to_itself() -> None:
    """Make every later mount invisible to the rest of the machine.

    In a chroot "/" is no mount, so that it cannot be made private: there the keeper moves into
    a private copy of it, hung where a mount of its own is sure to exist.
    """
    private = subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL)
    if private.returncode:
        mount("--make-rprivate", "/proc")
        mount("--rbind", "/", "/proc/fs")
        mount("--make-rprivate", "/proc/fs")
        os.chroot("/proc/fs")
        os.chdir("/")


def show_own_network(base: Path) -> None:
    """Bring up loopback and let /sys/class/net list this namespace's devices."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    groups = base / "cgroup"
    groups.mkdir(exist_ok=True)
    mount("--rbind", "/sys/fs/cgroup", groups)
    mount("-t", "sysfs", "sys", "/sys")
    mount("--rbind", groups, "/sys/fs/cgroup")


def hide_kvm(base: Path) -> None:
    """Put a node that nobody can open over /dev/kvm.

    Where libvirtd can open the device and QEMU's user cannot, or where it opens but runs
    nothing, libvirtd examines QEMU anew at every define, which takes most of a minute.
    """
    if Path("/dev/kvm").exists():
        node = base / "kvm"
        os.mknod(node, mode=0o020000, device=os.makedev(10, 250))
        mount("--bind", node, "/dev/kvm")


def bury(_signal: int = 0, _frame: FrameType | None = None) -> None:
    """Reap every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def children() -> list[int]:
    """The processes whose parent is the keeper, adopted ones included."""
    me = os.getpid()
    return [int(word) for word in Path(f"/proc/{me}/task/{me}/children").read_text().split()]


def clear_away(patience: float = 20.0) -> None:
    """Kill children, and the grandchildren they leave to the keeper, until none is left."""
    end = time.monotonic() + patience
    while (left := children()) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        bury()
        time.sleep(0.01)


def spawn(argv: list[str], log: Path) -> int:
    """Start a program in a session of its own, its words going to the log."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        argv[0],
        argv,
        os.environ,
        setsid=True,
        setsigdef=[signal.SIGINT, signal.SIGCHLD],
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def main() -> None:
    """Serve until standard input ends, then leave nothing behind."""
    base = Path(sys.argv[1])
    arrange(base)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, bury)
    print("ready", flush=True)
    for line in sys.stdin:
        print(spawn(json.loads(line), base / "log/daemons.log"), flush=True)
    clear_away()


if __name__ == "__main__":
    main()
