"""Changes to be made: what each does and its virsh line, one key to do them, the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize

from vconsole.changes.dispatcher import Request
from vconsole.changes.run import ChangeRun
from vconsole.model.command import writable
from vconsole.model.keys import APP, ENTER, Keys
from vconsole.model.proposal import TARGET_WORDS, Change, Grade, Proposal, confirmation
from vconsole.model.request import Define, Reply, command_lines
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.confirm import confirm
from vconsole.screens.page import STRAY, Page, bindings
from vconsole.text import Line, safe
from vconsole.widgets.bars import FooterBar, StatusBar
from vconsole.widgets.keyed import keyed
from vconsole.widgets.lines import LinesView
from vconsole.widgets.notes import wrapped
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_diff

KEY = Keys("changes")
_TONES = {"applied": "good", "refused": "warn", "unknown": "warn", "not tried": "warn"}
_GRADES = ("harmless", "interrupting", "destructive")
_VERBS: Mapping[Grade, str] = {
    "harmless": "applies",
    "interrupting": "asks y/N, then applies",
    "destructive": "asks for a word, then applies",
}
"""What the key does that applies, by the gravest change."""


class ChangesScreen(Page):
    """What would be done, domain by domain; enter does it.

    Args:
        title: What all of it does, as an imperative.
        proposals: What can be done; tab goes to the next where there are several.
        asking: Where they are worked out first: its reply's value is the proposals.
    """

    SCOPE = "changes"
    OFFER_NEEDS = (writable,)
    HINT_LINES = StatusBar.MOST_LINES  # what went wrong, and the cure
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("changes"), *STRAY]
    AUTO_FOCUS = "LinesView"

    def __init__(
        self, title: str, proposals: Iterable[Proposal] = (), asking: Request | None = None
    ) -> None:
        super().__init__()
        self._title, self._asking = title, asking
        self._proposals = tuple(proposals)
        self._open = 0
        self._trouble = ""
        self._run: ChangeRun[Change] | None = None
        self._differences: dict[Change, tuple[str, ...]] = {}
        """Worked out once: with many domains every reply shows them all."""

    @property
    def _proposal(self) -> Proposal:
        return self._proposals[self._open] if self._proposals else Proposal()

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LinesView()

    def on_mount(self) -> None:
        """Show them, or have them worked out; follow those that take long."""
        self.set_interval(1.0, self._follow)
        if self._asking is not None:
            self.console.dispatcher.ask(self._asking)
        self._show()

    def _follow(self) -> None:
        if self._run is not None and self._run.waiting and self.console.page is self:
            self._show()

    def on_resize(self, event: Resize) -> None:
        """Wrap anew."""
        self._show()

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        proposal, run = self._proposal, self._run
        names = {change.name for change in proposal.changes if change.uuid}
        words = [plural(len(names), "domain") if names else ""]
        if proposal.target is not None:
            words.append(TARGET_WORDS[proposal.target])
        if run is not None:
            words.append(f"{len(run.replies)} of {len(run.changes)} ended")
        title = self._title[:1].upper() + self._title[1:]  # what follows may be a name
        self.query_one(TitleBar).words = (safe(title), "   ".join(filter(None, words)))
        lines = [line for note in proposal.notes for line in self._wrapped(note, "warn")]
        for change in proposal.changes:
            lines += self._change_lines(change)
        self.query_one(LinesView).show(lines, paint_diff)
        self.query_one(FooterBar).offer((), without=self._refused())
        self.refresh_hint()

    def _refused(self) -> list[str]:
        """The commands that would only say why they do nothing now."""
        run = self._run
        without = [] if run is not None and not run.done else ["changes.cancel"]
        if run is not None or len(self._proposals) < 2:
            without.append("changes.target")
        if run is not None or not self._proposal.changes:
            without.append("changes.apply")
        return without

    def _change_lines(self, change: Change) -> list[Line]:
        reply = self._run.replies.get(change) if self._run else None
        wait = self._run.waiting.get(change) if self._run else None
        commands = command_lines(change.virsh())  # the devices they read follow as difference
        lines = self._head(safe(change.name), safe(change.what), change.when)
        for command in commands:
            lines += self._broken(safe(command), "accent")
        if wait is not None and wait.what:
            lines += self._wrapped(wait.what, "accent")
        if reply is not None:
            tone = _TONES.get(reply.status, "bad")
            words = [reply.status, reply.message]
            words += [f"read back: {reply.read_back}"] if reply.read_back else []
            lines += self._wrapped("  ".join(filter(None, words)), tone)
        if change not in self._differences:
            self._differences[change] = change.lines()
        return [*lines, *self._differences[change]]

    def _head(self, name: str, what: str, when: str) -> list[Line]:
        if len(f" {name}  {what}  {when}") < self.app.size.width:
            return [((f" {name}", "strong"), (f"  {what}", ""), (f"  {when}", "dim"))]
        return [*self._broken(f"{name}  {what}", "strong"), *self._broken(f"    {when}", "dim")]

    def _wrapped(self, text: str, tone: str) -> list[Line]:
        return self._broken(keyed(self, safe(text)), tone)

    def _broken(self, text: str, tone: str) -> list[Line]:
        width = max(20, self.app.size.width - 1)  # beside the scroll bar
        return [((part, tone),) for part in wrapped(f" {text}", width)]

    @override
    def hint(self) -> tuple[str, str]:
        proposal, run = self._proposal, self._run
        if run is None:
            if not self._proposals:
                return self._trouble or "reading the domains", "bad" if self._trouble else ""
            if not proposal.changes:
                return f"nothing to do; {APP.back} goes back", "warn"
            verb = _VERBS[self._grade]
            if len(self._proposals) > 1:
                return (
                    f"{KEY.apply} {verb}; {KEY.target} chooses live, config or both; "
                    f"{APP.back} goes back",
                    "",
                )
            return f"{KEY.apply} {verb}; {APP.back} goes back, nothing is changed", ""
        failed: dict[str, str] = {}
        for change in run.failed:  # the first of a domain is why the others were not tried
            failed.setdefault(change.name, run.replies[change].message)
        if failed:
            names = ", ".join(failed)
            one = next(iter(failed.values())) if len(failed) == 1 else ""
            return f"not done: {names}{': ' if one else ''}{one}", "bad"
        if not run.done:
            more = "; it goes on when this page is left" if run.waiting else ""
            return f"applying{more}", ""
        later = {c.when for c in run.changes if "next start" in c.when}
        words = "; it takes effect at the next start" if later else ""
        return f"done and read back{words}; {APP.back} goes back", "good"

    @property
    def _grade(self) -> Grade:
        """How the gravest of the changes is confirmed."""
        return max((change.grade for change in self._proposal.changes), key=_GRADES.index)

    @override
    def virsh(self) -> str:
        uri = self.host_state.connection.uri
        return "\n".join(line for c in self._proposal.changes for line in c.virsh(uri))

    def replied(self, request: Request, reply: Reply) -> None:
        """Take what was worked out, then what became of each change."""
        if request is self._asking and self._run is None:
            found = reply.value if isinstance(reply.value, tuple) else ()
            self._proposals, self._trouble = found, reply.message
            self._show()
        elif self._run is not None:
            self._show()
            if self._run.done and self.console.page is self and (offered := self._offered()):
                self.call_later(self._offer, offered)

    def _offered(self) -> tuple[Change, ...]:
        """Definitions that libvirt takes without validation, as it took what was there before."""
        failed = (
            [self._run.replies[change].value for change in self._run.failed] if self._run else []
        )
        return tuple(value for value in failed if isinstance(value, Define))

    async def _offer(self, offered: tuple[Change, ...]) -> None:
        def begin() -> None:
            self._proposals, self._open, self._run = (Proposal(offered),), 0, None
            self._begin()

        title = "define it without validation"
        hint = f"it did not validate before either; y and {ENTER}, as virsh edit does with i"
        await confirm(self, "interrupting", title, begin, hint=hint)

    # -- commands ----------------------------------------------------------------------------

    def do_cancel(self) -> None:
        """Give up what is under way; what cannot be given up is waited for."""
        if self._run is None or self._run.done:
            self.say("nothing is under way", "warn")
            return
        self._run.cancel()
        self._show()

    def do_target(self) -> None:
        """Change the running domain, the definition, or both."""
        if self._run is not None:
            self.say("that was done already", "warn")
        elif len(self._proposals) < 2:
            self.say("there is only this to choose", "warn")
        else:
            self._open = (self._open + 1) % len(self._proposals)
            self._show()

    async def do_apply(self) -> None:
        """Ask as carefully as the changes want; then compare, change, and read back."""
        if self._run is not None:
            self.say("that was done already", "warn")
            return
        changes = self._proposal.changes
        if not changes:
            self.say(self.hint()[0], "warn")
            return
        word = confirmation(self._title.split()[0], changes)
        await confirm(self, self._grade, safe(self._title), self._begin, word=word)

    def _begin(self) -> None:
        if self._run is None:
            self.unsay()
            self._run = self.console.carry_out(self._title, self._proposal.changes)
            self._show()
