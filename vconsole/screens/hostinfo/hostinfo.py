"""What guests may learn about their host: the rules are edited, and guests given a port."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vconsole.features.hostinfo.model.rules import RuleError, Rules, parse
from vconsole.model import hostinfo_port as provision
from vconsole.model.keys import Keys
from vconsole.model.proposal import Proposal
from vconsole.screens.hostinfo.view import HostinfoView
from vconsole.screens.page import bindings

KEY = Keys("hostinfo")


class HostinfoScreen(HostinfoView):
    """What can be done: with the rules on the left, with the domains on the right."""

    SCOPE = "hostinfo"
    COPY = "hostinfo.conf"
    BINDINGS: ClassVar = bindings("hostinfo")
    AUTO_FOCUS = "#rules"
    DEFAULT_CSS = """
    HostinfoScreen #rules { width: 44%; }
    HostinfoScreen #side { width: 1fr; margin-left: 1; }
    HostinfoScreen NotesView { height: 45%; margin-top: 1; }
    """

    # -- editing -----------------------------------------------------------------------------

    def edit(self, how: Callable[[Rules], Rules]) -> bool:
        """Edit the rules, or say why not."""
        if self.draft is None:
            self.not_read_yet()
            return False
        try:
            rules = how(self.draft.rules)
        except RuleError as error:
            self.say(str(error), "bad")
            return False
        self.put(self.draft.edited(rules.to_bytes()))
        return True

    async def _ask_edit(
        self, label: str, text: str, hint: str, how: Callable[[Rules, str], Rules]
    ) -> None:
        """Ask for a text that edits the rules; what is wrong with it is said while it is typed."""

        def typed(text: str) -> None:
            try:
                how(self.draft.rules if self.draft else parse(b""), text)
            except RuleError as error:
                self.say(str(error), "warn")
            else:
                self.unsay()

        await self.ask(
            label,
            text,
            hint,
            typed=typed,
            accepted=lambda text: self.edit(lambda rules: how(rules, text)),
        )

    async def do_service(self) -> None:
        """Go to hostinfod's unit."""
        from vconsole.screens.service import ServiceScreen

        await self.console.show_page(ServiceScreen("hostinfod"))

    async def do_edit(self) -> None:
        """Ask for a setting's value or a rule's pattern; from a domain, go to its rule."""
        if self.focused is self.guests_table:
            self._go_to_rule()
            return
        row = self.row
        if row is None or row.stanza is None:
            self.say(f"nothing to edit here: {KEY.text} opens the text", "warn")
            return
        index, setting = row.index, row.setting
        if setting is None:
            pattern = row.stanza.pattern
            await self._ask_edit(
                "rule for",
                pattern,
                "qemu-web*",
                lambda rules, text: rules.rename_stanza(index, text),
            )
            return
        key, hint = setting.key, "seconds" if setting.key == "interval" else "0 or 1"
        await self._ask_edit(
            key, setting.value, hint, lambda rules, text: rules.set_value(index, key, text)
        )

    def _go_to_rule(self) -> None:
        if (domain := self.subject) is None:
            return
        line = self.guests.grants[domain.uuid][0].line
        found = (key for key, row in self._rows.items() if row.line == line)
        if (key := next(found, None)) is None:
            self.say(
                f"no rule is for {domain.name}: it has the defaults; {KEY.add} adds one", "warn"
            )
            return
        self.set_focus(self.rules_table)
        self.rules_table.show(list(self._rows), cursor=key)

    async def do_add(self) -> None:
        """Ask for the pattern of a new rule above this one."""
        index = self.row.index if self.row is not None and self.row.index >= 0 else 0
        name = self.guests.socket_name(self.subject) if self.subject else "*"
        await self.ask(
            "new rule for", name, "qemu-web*", accepted=lambda text: self._added(text, index)
        )

    def _added(self, pattern: str, index: int) -> bool:
        if not self.edit(lambda rules: rules.add_stanza(pattern, index)):
            return False
        self.rules_table.show(list(self._rows), cursor=str(index))
        self.refresh_hint()
        return True

    async def do_set(self) -> None:
        """Ask for a setting of this rule."""
        row = self.row
        if row is None or row.stanza is None:
            self.say(f"no rule here: {KEY.add} adds one", "warn")
            return
        index = row.index

        def change(rules: Rules, text: str) -> Rules:
            key, equals, value = (part.strip() for part in text.partition("="))
            if not equals:
                raise RuleError("write key = value")
            return rules.set_value(index, key, value)

        await self._ask_edit("setting", "", "interval = 60   physcpus = 0", change)

    def do_delete(self) -> None:
        """Delete the setting or the rule under the cursor; nothing is saved yet."""
        row = self.row
        if row is None or row.stanza is None:
            self.say(f"nothing to delete here: {KEY.text} opens the text", "warn")
        elif row.setting is not None:
            index, key = row.index, row.setting.key
            self.edit(lambda rules: rules.remove_value(index, key))
        else:
            index = row.index
            self.edit(lambda rules: rules.delete_stanza(index))

    def do_duplicate(self) -> None:
        """Copy the rule below itself."""
        if (row := self.row) is not None and row.stanza is not None:
            index = row.index
            self.edit(lambda rules: rules.duplicate_stanza(index))

    def do_up(self) -> None:
        """Try the rule before the one above it."""
        self._move(-1)

    def do_down(self) -> None:
        """Try the rule after the one below it."""
        self._move(1)

    def _move(self, by: int) -> None:
        row = self.row
        if row is None or row.stanza is None:
            return
        index = row.index
        if self.edit(lambda rules: rules.move_stanza(index, by)):
            self.rules_table.show(list(self._rows), cursor=str(index + by))
            self.refresh_hint()

    # -- looking -----------------------------------------------------------------------------

    def do_switch(self) -> None:
        """Go to the other list."""
        other = self.rules_table if self.focused is self.guests_table else self.guests_table
        self.set_focus(other)
        self.refresh_hint()

    def do_log(self) -> None:
        """Show the queries of the domain instead of the preview, and back."""
        self._log = not self._log
        self._ask()
        self._show_preview()

    # -- guests ------------------------------------------------------------------------------

    def do_select(self) -> None:
        """Choose the domain for enabling or disabling."""
        if (domain := self.subject) is not None:
            self.guests.chosen ^= {domain.uuid}
            self.guests_table.action_move(1)
            self.guests_table.redraw()

    async def do_enable(self) -> None:
        """Show the port that would be added; enter there adds it."""
        await self._provision("enable hostinfo", provision.enable)

    async def do_disable(self) -> None:
        """Show the port that would be taken away; enter there does it."""
        await self._provision("disable hostinfo", provision.disable)

    async def do_repair(self) -> None:
        """Show how a wrong port is put right; enter there does it."""
        await self._provision("repair hostinfo", provision.repair)

    async def _provision(self, what: str, change: Callable[[str], str]) -> None:
        chosen = [uuid for uuid in self.guests.uuids if uuid in self.guests.chosen]
        if not chosen and self.subject is not None:
            chosen = [self.subject.uuid]
        edits, notes = self.guests.edits(chosen, what, change)
        if not edits:
            self.say("; ".join(notes) or "no domain here", "warn")
            return
        await self.console.show_changes(what, [Proposal(tuple(edits), tuple(notes))])
