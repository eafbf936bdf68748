"""The agent of a guest, and its channel."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.manifest import Answer, Manifest

_GUEST_KNOWS: Final = "only the guest knows what a command did"

MANIFEST: Final = Manifest(
    scopes={"agent": "Guest agent"},
    commands=(
        Command(
            "domains.agent",
            "A",
            "",
            "Go to its agent; of the domains chosen, give those without it the agent's channel.",
            (a_domain,),
            words="guestinfo domfsinfo qemu-agent-command qemu-guest-agent",
        ),
        Command(
            "domain.agent",
            "A",
            "",
            "Ask its agent; freeze, sync, command it.",
            (a_domain,),
            opens="agent",
            words="guestinfo domfsinfo qemu-agent-command qemu-guest-agent",
        ),
        Command(
            "agent.add", "plus", "add", "Give the domain the agent's channel.", (writable, a_domain)
        ),
        Command(
            "agent.remove",
            "minus",
            "remove",
            "Take the agent's channel away.",
            (writable, a_domain),
        ),
        Command(
            "agent.freeze",
            "z",
            "freeze/thaw",
            "Freeze its file systems for a while, or thaw them.",
            (writable, a_domain),
            virsh="domfsfreeze {name}",
            words="domfsthaw fsfreeze",
        ),
        Command(
            "agent.clock",
            "T",
            "clock",
            "Set its clock by its hardware clock.",
            (writable, a_domain),
            virsh="domtime {name} --sync",
        ),
        Command(
            "agent.suspend",
            "s",
            "suspend",
            "Suspend it to memory or disk; wake it where it sleeps.",
            (writable, a_domain),
            virsh="dompmsuspend {name} mem",
        ),
        Command(
            "agent.command",
            "x",
            "command",
            "Send the agent a command of your own.",
            (writable, a_domain),
            words="qemu-agent-command",
        ),
        Command("agent.timeout", "t", "", "Say how long an answer to a command may take."),
        Command("agent.channel", "tab", "", "Send commands over another of its channels."),
    ),
    pages={"agent": "vconsole.screens.agent:AgentScreen"},
    answers=(
        Answer(".model.report:ReadAgent", ".host.report:read_agent", link="guests"),
        Answer(
            ".model.channel:PrivateAgentCommand",
            ".host.socket:private_command",
            changes=True,
            untold=_GUEST_KNOWS,
        ),
        Answer(
            ".model.changes:AgentCommand",
            ".host.changes:command",
            changes=True,
            link="guests",
            untold=_GUEST_KNOWS,
        ),
        *(
            Answer(
                *(f".model.changes:{kind}", f".host.changes:{by}"),
                changes=True,
                link="guests",
                tells=".host.changes:tell_agent",
            )
            for kind, by in (
                ("FreezeFs", "freeze"),
                ("ThawFs", "thaw"),
                ("SyncTime", "sync_time"),
                ("SuspendGuest", "suspend"),
                ("WakeGuest", "wake"),
            )
        ),
    ),
    subcommands={"agent": ".cli.agent:add_parser"},
)
