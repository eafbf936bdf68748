"""Devices to attach to domains or to detach: what would be done, one key to do it, the results."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual.app import ComposeResult

from vconsole.desk import Request
from vconsole.metrics.console import DevicePlan, PlanDevices
from vconsole.metrics.provision import Wish
from vconsole.model.changes import Target
from vconsole.model.requests import ChangeDevice, Reply
from vconsole.model.virsh import domain_argument
from vconsole.model.words import plural
from vconsole.screens.base import Page, bindings
from vconsole.text import safe
from vconsole.widgets.lines import Line, LinesView
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_diff

_TONES = {"applied": "good", "refused": "warn", "unknown": "warn"}
_TARGETS: tuple[Target, ...] = ("both", "live", "config")
_WORDS = {"both": "live and config", "live": "live only", "config": "config only"}


class DevicesScreen(Page):
    """The clauses, domain by domain; enter attaches or detaches them."""

    SCOPE = "devices"
    BINDINGS: ClassVar = bindings("devices")
    AUTO_FOCUS = "LinesView"

    def __init__(self, domains: tuple[tuple[str, str], ...], wish: Wish) -> None:
        super().__init__()
        self._domains, self._wish = domains, wish
        self._plan: DevicePlan | None = None
        self._trouble = ""
        self._waiting: dict[str, list[ChangeDevice]] | None = None
        """UUID -> changes not asked for yet; None before enter."""
        self._replies: dict[ChangeDevice, Reply] = {}

    @property
    def changes(self) -> int:
        """How many changes are still to be made."""
        return len(self._plan.changes) if self._plan and self._waiting is None else 0

    def compose_body(self) -> ComposeResult:
        """Title and lines."""
        yield TitleBar()
        yield LinesView()

    def on_mount(self) -> None:
        """Work it out."""
        super().on_mount()
        self._ask()

    def _ask(self) -> None:
        self._plan = None
        self.console.desk.ask(PlanDevices(self._domains, self._wish))
        self._show()

    def _show(self) -> None:
        plan = self._plan
        done = (
            f"   {len(self._replies)} of {len(plan.changes)} done" if plan and self._begun else ""
        )
        words = f"{plural(len(self._domains), 'domain')}   {_WORDS[self._wish.target]}{done}"
        self.query_one(TitleBar).words = (self._wish.words.capitalize(), words)
        lines: list[Line] = []
        if plan is not None:
            lines += [((f" {safe(reason)}", "warn"),) for reason in plan.refused]
            for change in plan.changes:
                lines += self._heading(change)
                sign = "+" if change.attach else "-"
                lines += [f"{sign} {part}" for part in _parts(change.device)]
        self.query_one(LinesView).show(lines, paint_diff)
        self.refresh_hint()

    @property
    def _begun(self) -> bool:
        return self._waiting is not None

    def _heading(self, change: ChangeDevice) -> list[Line]:
        halves = "live and config" if change.live and change.config else "live"
        if not change.live:
            halves = "config: from its next start on"
        head = (f" {safe(change.name)}", "strong"), (f"  {halves}", "dim")
        reply = self._replies.get(change)
        if reply is None:
            return [head]
        tone = _TONES.get(reply.status, "bad")
        result: Line = (*head, (f"  {reply.status}", tone))
        more: list[Line] = [((f" {safe(reply.message)}", tone),)] if reply.message else []
        return [result, *more]

    def hint(self) -> tuple[str, str]:
        """Name the next key, or what became of it."""
        plan = self._plan
        if plan is None:
            return self._trouble or "reading the domains", "bad" if self._trouble else ""
        if not plan.changes:
            return "nothing to do; esc goes back", "warn"
        if not self._begun:
            return "enter applies; tab chooses live, config or both; esc goes back", ""
        failed = {c.name: r.message for c, r in self._replies.items() if r.status != "applied"}
        if len(failed) == 1:
            return "".join(failed.values()), "bad"
        if failed:
            return f"not done: {', '.join(failed)}", "bad"
        if len(self._replies) < len(plan.changes):
            return "applying", ""
        return "done and read back", "good"

    def virsh(self) -> str:
        """The lines that do the same."""
        changes = self._plan.changes if self._plan else ()
        return "\n".join(_command(change) for change in changes)

    # -- commands ----------------------------------------------------------------------------

    def do_target(self) -> None:
        """Change the running domain, the definition, or both."""
        if self._begun:
            self.say("that was done already", "warn")
            return
        following = _TARGETS[(_TARGETS.index(self._wish.target) + 1) % len(_TARGETS)]
        self._wish = self._wish.aiming(following)
        self._ask()

    def do_apply(self) -> None:
        """Compare with what was seen, change one after the other, and read back."""
        if self._plan is None or self._begun:
            self.say("that was done already" if self._begun else "still reading", "warn")
            return
        self._waiting = {}
        for change in self._plan.changes:
            self._waiting.setdefault(change.uuid, []).append(change)
        for uuid in self._waiting:
            self._next(uuid)
        self._show()

    def _next(self, uuid: str) -> None:
        """One change of a domain at a time."""
        if self._waiting and self._waiting[uuid]:
            self.console.desk.ask(self._waiting[uuid].pop(0))

    def replied(self, request: Request, reply: Reply) -> None:
        """Show the plan, then what became of each change."""
        if isinstance(request, PlanDevices) and request.wish == self._wish:
            self._plan = reply.value if isinstance(reply.value, DevicePlan) else None
            self._trouble = reply.message
            self._show()
        elif isinstance(request, ChangeDevice) and self._plan and request in self._plan.changes:
            self._replies[request] = reply
            self._next(request.uuid)
            self._show()


def _parts(clause: str) -> list[str]:
    """A clause as it is read: an element a line."""
    lines: list[str] = []
    depth = 0
    for part in clause.replace("><", ">\n<").split("\n"):
        tag = part.strip()
        depth -= tag.startswith("</")
        lines.append("  " * depth + tag)
        depth += "/" not in (tag[1:2], tag[-2:-1]) and "</" not in tag
    return lines


def _command(change: ChangeDevice) -> str:
    verb = "attach-device" if change.attach else "detach-device"
    flags = [word for word, on in (("--live", change.live), ("--config", change.config)) if on]
    name = domain_argument(change.name, change.uuid)
    words = shlex.join(["virsh", verb, "--domain", name, "--file", "/dev/stdin", *flags])
    return "\n".join([f"{words} <<'END'", *_parts(change.device), "END"])
