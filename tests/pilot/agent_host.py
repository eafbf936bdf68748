"""A host whose guests have agents, as a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.feed import Answers, proposer
from vconsole.features.agent.model.changes import (
    AgentCommand,
    FreezeFs,
    SuspendGuest,
    SyncTime,
    ThawFs,
    WakeGuest,
)
from vconsole.features.agent.model.channel import PrivateAgentCommand
from vconsole.features.agent.model.report import (
    Address,
    AgentReport,
    FileSystem,
    GuestVcpus,
    ReadAgent,
    TimeZone,
    User,
)
from vconsole.model.proposal import Change, Propose
from vconsole.model.request import ChangeDevice, Configurations, ReadConfigurations, Reply

NAME = "shop-web-1"
PRIVATE = "org.qemu.guest_agent.1"
HEALTHY = AgentReport(
    "connected",
    private=(PRIVATE,),
    answering=True,
    ping_ms=2.7,
    frozen=False,
    hostname="web-1.shop.example",
    os=(
        ("OS", "Debian GNU/Linux 12 (bookworm)"),
        ("Kernel", "6.1.0-18-amd64"),
        ("Machine", "x86_64"),
    ),
    timezone=TimeZone("CET", 3600),
    users=(User("root", "", 1_760_000_000.0),),
    addresses=(
        Address("vnet3", "52:54:00:6b:3c:58", "192.0.2.21", 24, "lease"),
        Address("lo", "00:00:00:00:00:00", "127.0.0.1", 8, "agent"),
        Address("eth0", "52:54:00:6b:3c:58", "192.0.2.21", 24, "agent"),
        Address("eth0", "52:54:00:6b:3c:58", "2001:db8::21", 64, "agent"),
        Address("vnet3", "52:54:00:6b:3c:58", "192.0.2.99", None, "ARP"),
    ),
    filesystems=(
        FileSystem("/", "ext4", 3_400_000_000, 21_000_000_000, ("vda",)),
        FileSystem("/srv/shop", "xfs", 61_000_000_000, 107_000_000_000, ("vdb", "vdc")),
    ),
    vcpus=GuestVcpus("0-3", "0-3", "1-3"),
    clock_ns=1_760_000_000_000_000_000,
    offset_s=-0.31,
    read_s=1_760_000_000.0,
)
MUTE = AgentReport(
    "connected",
    answering=False,
    problems={"agent": "Guest agent is not responding: Guest agent not available for now"},
    read_s=1_760_000_000.0,
)
HOSTILE = replace(
    HEALTHY,
    hostname="\x1b]0;title\x07\x9b2J[red]evil[/]",
    os=(("OS", "\u202ecod.exe" + "x" * 300),),
    users=(User("a\nb\tc"), User("z" + "\u0335" * 40)),
    filesystems=(FileSystem("[/]", "[@click=app.quit]x", -1, 2**70, ("\0",)),),
    problems={"vcpus": "boom\x1b[2J\nboom"},
)
_CHANNEL = (
    "<channel type='unix'><source mode='bind' path='/run/c'/>"
    "<target type='virtio' name='{}' state='{}'/></channel>"
)


class AgentHost:
    """Answers everything about agents, and notes what was asked and done."""

    def __init__(self, report: AgentReport = HEALTHY, answer: str = '{"return": {}}') -> None:
        self.report, self.answer = report, answer
        self.asked: list[ReadAgent] = []
        self.done: list[Change] = []
        self.hold: tuple[type, ...] = ()
        """Changes that are under way until the test ends them."""

    @property
    def answers(self) -> Answers:
        changes: dict[type, Callable[[Any], Reply]] = {
            kind: self._do
            for kind in (
                *(ThawFs, SyncTime, SuspendGuest, WakeGuest, FreezeFs, AgentCommand),
                *(PrivateAgentCommand, ChangeDevice),
            )
            if kind not in self.hold
        }
        return {ReadAgent: self._read, Propose: proposer(self._configurations), **changes}

    def _read(self, request: ReadAgent) -> Reply:
        self.asked.append(request)
        if request.parts:
            return Reply(value=self.report)
        return Reply(value=AgentReport(self.report.state, private=self.report.private))

    def _configurations(self, request: ReadConfigurations) -> Reply:
        names = {PRIVATE: "connected"}
        state = {"present": "disconnected", "connected": "connected"}.get(self.report.state)
        if state:
            names["org.qemu.guest_agent.0"] = state
        channels = "".join(_CHANNEL.format(name, is_open) for name, is_open in names.items())
        controller = "<controller type='virtio-serial' index='0'/>"
        xml = f"<domain><devices>{controller}{channels}</devices></domain>"
        config = xml.replace(" state='connected'", "").replace(" state='disconnected'", "")
        live = None if self.report.state == "off" else xml
        return Reply(value={uuid: Configurations(live, config) for uuid in request.uuids})

    def _do(self, change: Change) -> Reply:
        self.done.append(change)
        if isinstance(change, AgentCommand | PrivateAgentCommand):
            return Reply("applied", "", self.answer, self.answer[:60])
        return Reply("applied", "it is done")
