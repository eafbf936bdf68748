"""A private libvirtd: real daemon, real RPC, real QEMU, beside the system's own libvirt.

    with Libvirtd(cells=two_cells()) as host:
        host.launch(Guest("web"))
        print(host.virsh("vcpuinfo", "web"))

The daemon's folders, mounts and network are its own; the URI works from outside because a Unix
socket needs only its path. Everything it started ends with it (see keeper.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.integration.ground import PATIENCE_S, SEARCH, UNSHARE, LabError, find_program, wait_until
from tests.integration.guests import Guest, fleet
from tests.integration.topology import Cell, write_tree

__all__ = ["LabError", "Libvirtd", "wait_until"]

LIBVIRTD_CONF = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0777"
unix_sock_rw_perms = "0700"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
"""
QEMU_CONF = """\
security_driver = "none"
namespaces = []
"""
WITHOUT_CGROUPS = "cgroup_controllers = []\n"


class Libvirtd:
    """One private daemon and its guests.

    `cells` is the host it shall see (None: the real one). `cgroups` lets it use the machine's
    control groups; without them nothing of a guest is visible to the system's own libvirt.
    `offline` are pCPUs of `cells`.
    """

    def __init__(
        self,
        cells: Sequence[Cell] | None = None,
        *,
        cgroups: bool = False,
        offline: Collection[int] = (),
    ) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="vconsole-lab-", dir="/var/tmp"))
        self.base.chmod(0o755)  # QEMU runs as another user
        for name in ("run", "etc", "log", "xml"):
            (self.base / name).mkdir()
        if cells is not None:
            write_tree(self.base / "sys", cells, offline=offline)
        (self.base / "etc/libvirtd.conf").write_text(LIBVIRTD_CONF)
        (self.base / "etc/qemu.conf").write_text(QEMU_CONF + ("" if cgroups else WITHOUT_CGROUPS))
        self._cgroups = cgroups
        self._keeper: subprocess.Popen[str] | None = None
        self._pid: int | None = None

    # --- addresses

    @property
    def uri(self) -> str:
        """The full connection."""
        return f"qemu+unix:///system?socket={self.base}/run/libvirt-sock"

    @property
    def ro_uri(self) -> str:
        """The connection that only reads."""
        return f"{self.uri}-ro"

    @property
    def pid(self) -> int:
        """The daemon's process."""
        if self._pid is None:
            raise LabError("the daemon is not running")
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the daemon's process exists (it may be stopped by a signal)."""
        return self._pid is not None and Path(f"/proc/{self._pid}").exists()

    def inside(self, argv: Iterable[str]) -> list[str]:
        """The same command, but on the daemon's machine: its invented cells, its network."""
        keeper = str(self._alive_keeper().pid)
        return [find_program("nsenter"), "-t", keeper, "-m", "-n", "-r", "--", *argv]

    # --- the daemon

    def start(self) -> Self:
        """Start the daemon and wait until it answers."""
        if self._keeper is None:
            self._keeper = self._start_keeper()
            self._spawn("virtlogd", "-p", f"{self.base}/virtlogd.pid")
            wait_until((self.base / "run/virtlogd-sock").exists, "virtlogd is up")
        self._pid = self._spawn("libvirtd", "-p", f"{self.base}/libvirtd.pid")
        try:
            wait_until(self._answers, "libvirtd answers")
        except LabError as error:
            raise LabError(f"{error}\n{self.log()[-2000:]}") from None
        return self

    def stop(self) -> None:
        """End the daemon as its service would; guests go on."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the daemon as a crash would; guests go on."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def sigstop(self) -> None:
        """Make the daemon hang: it accepts calls and answers none."""
        os.kill(self.pid, signal.SIGSTOP)

    def sigcont(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def log(self) -> str:
        """What the daemons wrote."""
        files = (self.base / "log/daemons.log", self.base / "log/libvirtd.log")
        return "".join(path.read_text(errors="replace") for path in files if path.exists())

    def close(self) -> None:
        """End everything that was started here, guests included, and remove the folder."""
        if self._cgroups and self.running:
            self._remove_all()  # libvirt itself must take their groups away
        if self._keeper is not None:
            _stream(self._keeper.stdin).close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._keeper.wait(30)
            _stream(self._keeper.stdout).close()
        self._keeper = self._pid = None
        shutil.rmtree(self.base, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start_keeper(self) -> subprocess.Popen[str]:
        program = Path(__file__).with_name("keeper.py")
        keeper = subprocess.Popen(
            [*UNSHARE, sys.executable, program, self.base],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PATH": SEARCH, "LC_ALL": "C"},
        )
        if _stream(keeper.stdout).readline() != "ready\n":
            raise LabError("the keeper of the private libvirtd did not start; see above")
        return keeper

    def _alive_keeper(self) -> subprocess.Popen[str]:
        if self._keeper is None or self._keeper.poll() is not None:
            raise LabError("the lab is not running")
        return self._keeper

    def _spawn(self, program: str, *arguments: str) -> int:
        keeper = self._alive_keeper()
        order = _stream(keeper.stdin)
        order.write(json.dumps([find_program(program), *arguments]) + "\n")
        order.flush()
        return int(_stream(keeper.stdout).readline())

    def _answers(self) -> bool:
        if not self.running:
            raise LabError("libvirtd ended while starting")
        if not (self.base / "run/libvirt-sock").exists():
            return False
        argv = [find_program("virsh"), "-q", "-c", self.uri, "nodeinfo"]
        try:
            return not subprocess.run(argv, capture_output=True, timeout=20).returncode
        except subprocess.TimeoutExpired:
            return False

    def _end(self, how: signal.Signals) -> None:
        os.kill(self.pid, how)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        wait_until(lambda: not self.running, "libvirtd has ended")
        self._pid = None

    # --- guests

    def virsh(self, *arguments: str, timeout: float = PATIENCE_S) -> str:
        """What virsh prints for this command; LabError with virsh's words if it fails."""
        argv = [find_program("virsh"), "-q", "-c", self.uri, *arguments]
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, env=environment
        )
        if done.returncode:
            raise LabError(done.stderr.strip() or f"virsh ended with {done.returncode}")
        return done.stdout.strip()

    def define(self, guest: Guest) -> Guest:
        """Define it, shut off."""
        path = self.base / f"xml/{guest.name}.xml"
        path.write_text(guest.xml())
        self.virsh("define", str(path))
        return guest

    def launch(self, guest: Guest) -> Guest:
        """Define it and start it paused: its threads exist and cost nothing."""
        self.define(guest)
        self.virsh("start", "--paused", guest.name)
        return guest

    def start_fleet(self, count: int) -> list[Guest]:
        """Launch many guests, for measuring."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(self.launch, fleet(count)))

    def remove(self, name: str) -> None:
        """Destroy and undefine it, whatever of that is still to do."""
        for command in ("destroy", "undefine"):
            with contextlib.suppress(LabError):
                self.virsh(command, name)

    def _remove_all(self) -> None:
        self.sigcont()
        with contextlib.suppress(LabError, subprocess.TimeoutExpired):
            for name in self.virsh("list", "--all", "--name").split():
                self.remove(name)

    def qemu_pid(self, name: str) -> int:
        """The guest's QEMU process."""
        return int((self.base / f"run/qemu/{name}.pid").read_text())

    def allowed_cpus(self, name: str) -> dict[str, str]:
        """What the kernel allows each thread of the guest, by the thread's name."""
        tasks = Path(f"/proc/{self.qemu_pid(name)}/task").iterdir()
        return dict(_allowed(task) for task in tasks)


def _allowed(task: Path) -> tuple[str, str]:
    lines = (task / "status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return fields["Name"], fields["Cpus_allowed_list"]


def _stream(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
