"""vhostmd.conf: which metrics there are, what the daemon makes of them, edited with care."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from time import time
from typing import ClassVar, Final

from vconsole.changes.dispatcher import Request
from vconsole.features.metrics.draft import Draft, builtin_spec
from vconsole.features.metrics.dtd import refusals
from vconsole.features.metrics.model import builtin
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.config_edit import ConfigDocument
from vconsole.features.metrics.model.spec import Context, MetricSpec
from vconsole.features.metrics.model.status import DaemonStatus, MetricStatus, Trial
from vconsole.features.metrics.model.stock import twin_words
from vconsole.features.metrics.requests import ReadDaemon, SaveConfig, TryMetric
from vconsole.features.metrics.words.config import (
    COLUMNS,
    SpecRow,
    config_notes,
    paint_tags,
    release_notes,
)
from vconsole.features.metrics.words.disk import trial_words
from vconsole.files.careful import Loaded
from vconsole.files.draft import ReadFile
from vconsole.model.column import row_cells
from vconsole.model.keys import Keys
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.files.editor import FileEditorPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, duration, safe

KEY = Keys("metricsconfig")
_REPLACE: Final = "replace-stock-actions"


class MetricsConfigScreen(ListPage, FileEditorPage[Draft]):
    """The metrics above, the one under the cursor in full below. What is edited is a draft."""

    SCOPE = "metricsconfig"
    COPY = "vhostmd.xml"
    BINDINGS: ClassVar = bindings("metricsconfig")
    COLUMNS = COLUMNS
    CHOSEN = "metricsconfig.edit"
    DEFAULT_CSS = """
    MetricsConfigScreen LineTable { scrollbar-gutter: stable; }
    MetricsConfigScreen NotesView { height: 30%; margin-top: 1; }
    MetricsConfigScreen.-invalid LineTable { display: none; }
    MetricsConfigScreen.-invalid NotesView { height: 1fr; }
    """

    def __init__(self, path: Path, replacing: bool = False) -> None:
        super().__init__(path)
        self._replacing = replacing
        """Commands that are built in as well are to be replaced as soon as the file is read."""
        self._saved: frozenset[MetricSpec] = frozenset()
        """The metrics of the file as it is."""
        self._daemon: DaemonStatus | None = None
        self._daemon_problem = ""
        self._told: dict[tuple[str, str], MetricStatus] = {}
        self._tried: dict[tuple[str, str], tuple[str, str]] = {}
        """(name, context) -> what the last test brought, and its tone."""

    # -- what there is -----------------------------------------------------------------------

    @property
    def number(self) -> int | None:
        """The place of the metric under the cursor."""
        return int(self.table.key) if self.table.key is not None else None

    @property
    def spec(self) -> MetricSpec | None:
        """The metric under the cursor."""
        if self.draft is None or self.number is None:
            return None
        return self.draft.metrics[self.number]

    # -- showing -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to read."""
        self.every(1.0, lambda: self.read(ReadFile(self.path)))
        self.every(1.0, lambda: self.read(ReadDaemon()))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadFile) and request.path == self.path:
            self.take_file(reply)
            if self._replacing and self.draft is not None:
                self._replacing = False
                if self._replace():
                    self.call_later(self.do_save)
        elif isinstance(request, ReadDaemon):
            self._take_status(reply)
        elif isinstance(request, TryMetric) and self.console.page is self:
            trial = reply.value if isinstance(reply.value, Trial) else None
            said = trial_words(request.name, trial, reply.message)
            self._tried[request.name, request.context] = said
            self.say(*said)
            self.explain()

    def _take_status(self, reply: Reply) -> None:
        known = reply.value if isinstance(reply.value, DaemonStatus) else None
        self._daemon, self._daemon_problem = known, reply.message
        metrics = known.metrics if known else ()
        self._told = {(metric.name, metric.context): metric for metric in metrics}
        self.show_list(*self._title(), self.table.keys)

    @override
    def put(self, draft: Draft, cursor: int | None = None) -> None:
        self.draft = draft
        self._saved = frozenset(Draft.of(draft.loaded).metrics)
        self.set_class(draft.error is not None, "-invalid")
        rows = [str(number) for number in range(len(draft.metrics))]
        self.show_list(*self._title(), rows, None if cursor is None else str(cursor))

    def _title(self) -> tuple[str, str]:
        words = [str(self.path), self._daemon_words()]
        if self.draft is not None and not self.draft.loaded.exists:
            words[0] += " is not there: built-in metrics"
        if self.changes:
            words.append("edited, not saved")
        return "vhostmd", safe("   ".join(words))

    def _daemon_words(self) -> str:
        daemon = self._daemon
        if daemon is None:
            absent = "does not run" in self._daemon_problem
            return "not running" if absent else self._daemon_problem
        if not self._is_ours:
            return f"running, with {daemon.config}"
        if daemon.config_error:
            return "running, an earlier one in force"
        return f"in force {duration(time() - daemon.in_force_since_s)}"

    @property
    def _is_ours(self) -> bool:
        """The daemon takes this file for its configuration, or the one that stands for it."""
        daemon, exists = self._daemon, self.draft is None or self.draft.loaded.exists
        return daemon is not None and (daemon.config == str(self.path) or not exists)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        assert self.draft is not None
        spec = self.draft.metrics[int(key)]
        told = self._told.get((spec.name, spec.context)) if self._is_ours else None
        row = SpecRow(spec, told, time(), edited=spec not in self._saved)
        return row_cells(COLUMNS, row)

    @override
    def notes(self) -> list[Note]:
        draft, spec = self.draft, self.spec
        if draft is None:
            return []
        told = self._told.get((spec.name, spec.context)) if spec and self._is_ours else None
        tried = self._tried.get((spec.name, spec.context)) if spec else None
        warnings = draft.document.config.warnings if draft.document else ()
        notes = config_notes(spec, told, tried, draft.error, warnings)
        if draft.document and (words := twin_words(draft.document.config)):
            notes.append((safe(f" {KEY.builtin} {words}"), "accent"))
        return notes

    def hint(self) -> tuple[str, str]:
        """Say what is wrong with the file, else with the metric under the cursor."""
        draft, daemon = self.draft, self._daemon
        if draft is None:
            return self.trouble or "reading the configuration", "bad" if self.trouble else ""
        if draft.theirs is not None:
            return f"the file was changed by someone else: {KEY.save} shows both", "bad"
        if draft.error is not None:
            return f"{draft.error}; {KEY.text} edits the text", "bad"
        if daemon is not None and self._is_ours and daemon.config_error and not draft.staged:
            return f"not in force: {daemon.config_error}", "bad"
        if self.trouble:
            return self.trouble, "bad"
        spec = self.spec
        told = self._told.get((spec.name, spec.context)) if spec and self._is_ours else None
        if told is not None and told.problem:
            return f"{told.name}: {told.problem}", "warn"
        if draft.staged:
            return f"{KEY.save} shows what saving changes", ""
        return (
            f"{KEY.toggle} switches on and off, {KEY.edit} edits, {KEY.test} tests, "
            f"{KEY.add} adds a metric",
            "",
        )

    # -- the file ----------------------------------------------------------------------------

    @override
    def drafted(self, loaded: Loaded) -> Draft:
        return Draft.of(loaded)

    @override
    def save_request(self, draft: Draft) -> SaveConfig:
        return SaveConfig(self.path, draft.data, draft.loaded)

    @override
    def paint(self, line: str) -> Iterable[tuple[int, int, str]]:
        return paint_tags(line)

    def consequence(self) -> str:
        """When it counts."""
        return "the daemon takes it at once"

    def remarks(self) -> list[Note]:
        """Why it cannot be used, else what is odd and which releases of vhostmd refuse it."""
        draft = self.draft
        if draft is None:
            return []
        if draft.problem:
            return [(safe(f" {draft.problem}"), "bad")]
        warnings = draft.document.config.warnings if draft.document else ()
        notes = release_notes(refusals(draft.base), refusals(draft.data))
        return [*((safe(f" ! {warning}"), "warn") for warning in warnings[:5]), *notes]

    def remark_at(self, line: int) -> tuple[str, str] | None:
        """Why it cannot be used, whichever line that is said of."""
        return (self.draft.problem, "bad") if self.draft and self.draft.problem else None

    # -- editing -----------------------------------------------------------------------------

    def edit(self, how: Callable[[ConfigDocument], bytes], cursor: int | None = None) -> bool:
        """Edit the draft, or say why not."""
        if self.draft is None:
            self.not_read_yet()
            return False
        try:
            self.put(self.draft.changed(how), cursor)
        except ConfigError as error:
            self.say(str(error), "bad")
            return False
        return True

    def do_toggle(self) -> None:
        """Switch the metric on or off."""
        number, spec = self.number, self.spec
        if number is None or spec is None:
            self.say(f"no metric here: {KEY.add} adds one", "warn")
            return
        self.edit(lambda document: document.set_enabled(number, not spec.enabled))

    def do_delete(self) -> None:
        """Delete the metric; nothing is saved yet."""
        number = self.number
        if number is None:
            self.say(f"no metric here: {KEY.add} adds one", "warn")
            return
        self.edit(lambda document: document.remove(number))

    def do_builtin(self) -> None:
        """Have the daemon collect itself what it can, or by commands again."""
        config = self.draft.document.config if self.draft and self.draft.document else None
        if config is not None and config.settings.replace_stock_actions:
            self.edit(lambda document: document.set_setting(_REPLACE, "no"))
            return
        self._replace()

    def _replace(self) -> bool:
        config = self.draft.document.config if self.draft and self.draft.document else None
        if config is not None and not twin_words(config):
            self.say("no command here is built in as well", "warn")
            return False
        return self.edit(lambda document: document.set_setting(_REPLACE, "yes"))

    async def do_add(self) -> None:
        """Ask what to add: a built-in metric, or the name of a new one and its command."""
        await self.ask(
            "new metric", "", "host NAME [command]   or   vm NAME [command]", accepted=self._added
        )

    def _added(self, text: str) -> bool:
        context, _, rest = text.strip().partition(" ")
        name, _, command = rest.strip().partition(" ")
        if context not in ("host", "vm") or not name:
            self.say("write host NAME or vm NAME, and perhaps a command", "bad")
            return False
        if not command and name not in builtin.NAMES[context]:
            self.say(f"needs a command: built in are {', '.join(builtin.NAMES[context])}", "bad")
            return False
        whose: Context = "host" if context == "host" else "vm"
        spec = builtin_spec(name, whose)
        if command:
            spec = MetricSpec(name, "string", whose, command.strip())
        last = len(self.draft.metrics) if self.draft else None
        return self.edit(lambda document: document.add(spec), cursor=last)

    async def do_edit(self) -> None:
        """Edit the metric in the text of the file."""
        await self.open_text(self.spec.line if self.spec else 1)

    def do_test(self) -> None:
        """Get the metric now: by the daemon, or here where that does not know it so yet."""
        draft, spec = self.draft, self.spec
        if draft is None or spec is None:
            self.say("no metric here", "warn")
            return
        known = self._is_ours and not draft.staged and spec.enabled
        data = None if known else draft.data
        uri = (self.host_state.connection.uri or None) if data is not None else None
        self.console.dispatcher.ask(TryMetric(spec.name, spec.context, data, uri))
        by = "by vhostmd" if known else "here, not by vhostmd"
        self.say(f"testing {spec.name} {by}")
