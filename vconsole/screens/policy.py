"""A domain's clock, timers, sleep states, performance counters and USB rules: seen and edited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from textual.events import Resize

from vconsole.changes.dispatcher import Request
from vconsole.features.policy.model import redirfilter, timers
from vconsole.features.policy.model.draft import Draft, Edit
from vconsole.features.policy.model.rows import Row, rows_of
from vconsole.features.policy.model.settings import RULE, next_choice
from vconsole.features.policy.words import COLUMNS, columns, row_notes
from vconsole.model.column import row_cells
from vconsole.model.command import writable
from vconsole.model.host_state import HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.request import Configurations, Define, ReadConfigurations, Reply
from vconsole.model.words import plural
from vconsole.model.xml_edit import Document
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage, StagedPage
from vconsole.screens.page import STRAY, bindings
from vconsole.text import Cell, Note, safe
from vconsole.widgets.title import TitleBar

KEY = Keys("policy")
LOOK_EVERY_S = 5.0
NOTHING_TO_SET = f"nothing to set here; {KEY.add} adds a timer, or a rule where USB rules are"


class PolicyScreen(ListPage, StagedPage, DomainPage):
    """A list of settings, the one under the cursor explained below. What is edited is a draft."""

    SCOPE = "policy"
    OFFER_NEEDS = (writable,)
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("policy"), *STRAY]
    COLUMNS = columns(80)
    CHOSEN = "policy.edit"
    DEFAULT_CSS = """
    PolicyScreen LineTable { scrollbar-gutter: stable; }
    PolicyScreen NotesView { height: 35%; margin-top: 1; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._live: str | None = None
        self.draft: Draft | None = None
        self._theirs: str | None = None
        """The definition as somebody else has left it, while there are edits of the one before."""
        self._trouble = ""
        self._rows: dict[str, Row] = {}

    # -- what commands may look at -----------------------------------------------------------

    @property
    def changes(self) -> int:
        """How many settings are edited."""
        return sum(row.edited for row in self._rows.values())

    @property
    def row(self) -> Row | None:
        """The setting under the cursor."""
        return self._rows.get(self.table.key or "")

    @override
    def virsh(self) -> str:
        return f"dumpxml --inactive {self._uuid}"

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to read."""
        self.every(LOOK_EVERY_S, lambda: self.read(ReadConfigurations((self._uuid,))))

    def on_resize(self, event: Resize) -> None:
        """Give the values the room there is."""
        self.table.columns = columns(self.table.scrollable_content_region.width)
        self.table.lay_out()

    @override
    def show_host_state(self, before: HostState, after: HostState) -> None:
        self.follow()
        self.query_one(TitleBar).words = self._title()

    def replied(self, request: Request, reply: Reply) -> None:
        """Take in what is set, and forget edits that were saved."""
        if isinstance(request, ReadConfigurations) and request.uuids == (self._uuid,):
            found = reply.value if isinstance(reply.value, Mapping) else {}
            self._take(found.get(self._uuid), reply.message)
        elif isinstance(request, Define) and request.uuid == self._uuid:
            mine = self.draft is not None and request.after == self.draft.xml
            if mine and reply.status == "applied" and isinstance(reply.value, str):
                self._theirs = None
                self._put(Draft(reply.value))

    def _take(self, found: object, message: str) -> None:
        if not isinstance(found, Configurations):
            self._trouble = message or "it is gone"
        elif found.config is None:
            self._trouble = "it is transient: it has no definition to edit"
            self._live, self.draft = found.live, None
        else:
            self._trouble, self._live = "", found.live
            self._follow(found.config)
        self._show()

    def _follow(self, config: str) -> None:
        """Take a definition; beside edits of an earlier one it waits."""
        draft = self.draft
        if draft is not None and config != draft.base and draft.xml != draft.base:
            self._theirs = config
            return
        self._theirs = None
        if draft is None or config != draft.base:
            self.draft = Draft(config)

    # -- showing -----------------------------------------------------------------------------

    def _put(self, draft: Draft, cursor: str | None = None) -> None:
        """Show another state of the editing."""
        self.draft = draft
        self._show(cursor)

    def _show(self, cursor: str | None = None) -> None:
        try:
            self._rows = {row.setting.key: row for row in rows_of(self._live, self.draft)}
        except ValueError as error:
            self._trouble = f"its definition cannot be read: {error}"
            self.draft, self._live, self._rows = None, None, {}
        self.show_list(*self._title(), list(self._rows), cursor)

    def _title(self) -> tuple[str, str]:
        words = [self._domain.state if self._domain else ""]
        words += [f"{plural(self.changes, 'setting')} edited, not saved"] if self.changes else []
        what = f"Clock, power and devices of {safe(self.named)}"
        return what, "   ".join(words)

    @override
    def notes(self) -> Iterable[Note]:
        row, text = self.row, self.draft.xml if self.draft else self._live
        remarks = row.setting.remarks(Document(text)) if row and text else ()
        return row_notes(row, remarks) if row else ()

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows[key])

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return f"{self.named}: {self._trouble}", "bad"
        if self.draft is None:
            return "reading the definition", ""
        if self._theirs is not None:
            return (
                f"{self.named} was redefined by somebody else meanwhile: "
                f"{KEY.clear} drops your edits",
                "bad",
            )
        if problem := self.draft.problem():
            return f"{problem[1]}; {KEY.edit} sets it", "bad"
        if self.changes:
            return (
                f"{KEY.save} shows what saving changes, {KEY.unedit} takes the last edit back",
                "",
            )
        if (row := self.row) and row.waits:
            return f"{row.setting.title}: config is in force from the next start on", "warn"
        return (
            f"{KEY.edit} edits, {KEY.next} takes the next value, "
            f"{KEY.add} adds a timer or a USB rule",
            "",
        )

    # -- editing -----------------------------------------------------------------------------

    def _edit(self, edit: Edit, cursor: str | None = None) -> bool:
        """Edit the draft, or say why not."""
        if self.draft is None:
            self.say(self._trouble or "the definition has not been read yet", "warn")
            return False
        try:
            draft = self.draft.edited(edit)
        except ValueError as error:
            self.say(str(error), "bad")
            return False
        self.unsay()
        self._put(draft, cursor)
        return True

    async def _ask_for(
        self, label: str, text: str, hint: str, edit: Callable[[str, str], str]
    ) -> None:
        """Ask for a value, and say what is wrong with it while it is typed."""
        draft = self.draft
        if draft is None:
            self.say(self._trouble or "the definition has not been read yet", "warn")
            return

        def typed(value: str) -> None:
            try:
                edit(draft.xml, value.strip())
            except ValueError as error:
                self.say(str(error), "warn")
            else:
                self.unsay()

        def accepted(value: str) -> bool:
            if self.draft != draft:
                self.say(f"the definition was changed meanwhile: {APP.back}, and look again", "bad")
                return False
            return self._edit(lambda xml: edit(xml, value.strip()))

        self.say(hint)
        await self.ask(label, text, hint, accepted=accepted, typed=typed, given_up=self.unsay)

    async def do_edit(self) -> None:
        """Ask for another value."""
        row = self.row
        if row is None or row.setting.write is None:
            self.say(self._trouble or NOTHING_TO_SET, "warn")
        else:
            text = row.config or ""
            await self._ask_for(row.setting.title, text, row.setting.hint, row.setting.write)

    def do_next(self) -> None:
        """Take the next of its values."""
        row = self.row
        if row is None or row.setting.write is None:
            self.say(self._trouble or NOTHING_TO_SET, "warn")
        elif not row.setting.choices:
            self.say(f"it has no short list of values: {KEY.edit} types one", "warn")
        else:
            write, value = row.setting.write, next_choice(row.setting, row.config)
            self._edit(lambda xml: write(xml, value))

    async def do_add(self) -> None:
        """Ask for a timer, or for a rule where rules are."""
        if self.row is not None and self.row.setting.group == "USB":
            place = self._rule + 1 if self._rule is not None else 0
            hint = f"{redirfilter.FORMAT}, as 0x08:0x0951:0x1625:2.00:yes, -1 for any"
            await self._ask_for(
                *("rule", "", hint),
                lambda xml, text: redirfilter.add_rules(xml, place, redirfilter.parse_rules(text)),
            )
        else:
            hint = "a name, and settings: rtc tickpolicy=catchup   hpet present=no"
            await self._ask_for(
                *("timer", "", hint),
                lambda xml, text: timers.add_timer(xml, timers.parse_timer(text)),
            )

    def do_delete(self) -> None:
        """Delete it; nothing is saved yet."""
        row = self.row
        if row is None or row.setting.remove is None:
            self.say(self._trouble or "this cannot be deleted", "warn")
        elif row.config is None:
            self.say(self._trouble or f"the config has none: {row.full(None)}", "warn")
        else:
            self._edit(row.setting.remove)

    @property
    def _rule(self) -> int | None:
        """The number of the rule under the cursor."""
        kind, _, number = (self.table.key or "").partition(" ")
        return int(number) - 1 if kind == RULE else None

    def do_down(self) -> None:
        """Have the rule tried later."""
        self._move(1)

    def do_up(self) -> None:
        """Have the rule tried earlier."""
        self._move(-1)

    def _move(self, by: int) -> None:
        number = self._rule
        rules = redirfilter.rules_of(Document(self.draft.xml)) if self.draft else ()
        if number is None or not 0 <= number < len(rules) or not 0 <= number + by < len(rules):
            self.say("only USB rules have an order, within their list", "warn")
            return
        to = number + by
        self._edit(lambda xml: redirfilter.move_rule(xml, number, to), f"{RULE} {to + 1}")

    def do_unedit(self) -> None:
        """Take back the last edit."""
        if self.draft is None or not self.draft.past:
            self.say("no edit to take back", "warn")
            return
        self._put(self.draft.unedited())

    def do_clear(self) -> None:
        """Drop the edits, and take what somebody else may have made of the definition."""
        if self.draft is not None:
            base, self._theirs = self._theirs or self.draft.base, None
            self._put(Draft(base))

    async def do_save(self) -> None:
        """Show what saving changes; enter there saves."""
        if (draft := self.draft) is not None:
            await self.propose(
                "set clock, power and devices", lambda: draft.proposal(self._uuid, self.named)
            )
