"""Commands of a guest's agent."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable

_CHANGE: Final = (writable, a_domain)
TABLE: Final = (
    Command("agent.add", "plus", "add", "Give the domain the agent's channel.", _CHANGE),
    Command("agent.remove", "minus", "remove", "Take the agent's channel away.", _CHANGE),
    Command(
        "agent.freeze",
        "z",
        "freeze/thaw",
        "Freeze its file systems for a while, or thaw them.",
        _CHANGE,
        virsh="domfsfreeze {name}",
    ),
    Command(
        "agent.clock",
        "T",
        "clock",
        "Set its clock by its hardware clock.",
        _CHANGE,
        virsh="domtime {name} --sync",
    ),
    Command(
        "agent.suspend",
        "s",
        "suspend",
        "Suspend it to memory or disk; wake it where it sleeps.",
        _CHANGE,
        virsh="dompmsuspend {name} mem",
    ),
    Command("agent.command", "x", "command", "Send the agent a command of your own.", _CHANGE),
    Command("agent.timeout", "t", "", "Say how long an answer to a command may take."),
    Command("agent.channel", "tab", "", "Send commands over another of its channels."),
)
