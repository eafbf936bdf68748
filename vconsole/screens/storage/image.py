"""A disk image on this machine: its chain, the snapshots inside it, and all that qemu-img does."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from time import time
from typing import ClassVar, cast, get_args

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.features.storage.image_words import (
    IMAGE_COLUMNS,
    Row,
    answer_lines,
    image_notes,
    rows,
)
from vconsole.features.storage.model.image_plan import (
    CACHES,
    Repair,
    SnapshotAct,
    plan_commit,
    plan_repair,
    plan_resize,
    plan_snapshot,
)
from vconsole.features.storage.model.images import (
    AskImage,
    Chain,
    Image,
    ImageWork,
    ReadImage,
    ask_check,
    ask_compare,
    ask_map,
    ask_measure,
)
from vconsole.model.column import row_cells
from vconsole.model.keys import APP
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Line, Note, safe, size
from vconsole.widgets.lines import LinesView
from vconsole.widgets.notes import NotesView, wrapped
from vconsole.widgets.prompt import Accepted
from vconsole.widgets.table import LineTable

ELSEWHERE = "the images of that host are not on this machine: qemu-img cannot be run there"


class ImageScreen(ListPage):
    """The chain above, the nearest first; below all about one image, or what qemu-img answered."""

    SCOPE = "image"
    BINDINGS: ClassVar = bindings("image")
    COLUMNS = IMAGE_COLUMNS
    CHOSEN = "image.open"
    DEFAULT_CSS = """
    ImageScreen NotesView { height: 6; }
    """

    def __init__(self, path: str, format_: str) -> None:
        super().__init__()
        self._path, self._format = path, format_
        self._chain: Chain | None = None
        self._rows: dict[str, Row] = {}
        self._trouble = ""
        self._asked: AskImage | None = None

    @override
    def compose_body(self) -> ComposeResult:
        yield from super().compose_body()
        yield LinesView(id="answer")

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """What was asked is shown when it is answered."""
        self.query_one("#answer").display = False

    @property
    def _within_reach(self) -> bool:
        """The images are of this machine, or invented with the demo."""
        connection = self.console.host_state.connection
        return connection.local or connection.demo

    def on_screen_resume(self) -> None:
        """Read anew, as after a change."""
        self.read_again()

    @override
    def read_again(self) -> None:
        if self._within_reach:
            self.read(ReadImage(self._path, self._format))
        else:
            self._trouble = ELSEWHERE
        self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadImage) and request.path == self._path:
            self._trouble = reply.message
            self._chain = reply.value if isinstance(reply.value, Chain) else None
        elif request is self._asked and isinstance(request, AskImage):
            self._answer(request, reply)
        elif isinstance(request, ImageWork) and self.console.page is self:
            self.read_again()
        else:
            return
        self._show()

    # -- showing -----------------------------------------------------------------------------

    @property
    def _image(self) -> Image | None:
        return self._chain.images[0] if self._chain else None

    def _show(self) -> None:
        chain = self._chain
        self._rows = {row.key: row for row in rows(chain, time())} if chain else {}
        reading = "" if self._trouble else "reading"
        words = plural(len(chain.images), "image") + " in its chain" if chain else reading
        format_ = f"   {safe(self._format)}" if self._format else ""
        self.show_list(f"Image {safe(self._path)}", words + format_, list(self._rows))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(IMAGE_COLUMNS, self._rows[key])

    @override
    def notes(self) -> Iterable[Note]:
        row = self._rows.get(self.table.key or "")
        return image_notes(row, self._chain) if row and self._chain else ()

    @override
    def hint(self) -> tuple[str, str]:
        if self._answer_is_open:
            return f"{APP.back} shows the image again", ""
        return (safe(self._trouble), "bad") if self._trouble else ("", "")

    @override
    def virsh(self) -> str:
        how = ("-f", self._format) if self._format else ()
        return shlex.join(("qemu-img", "info", "--backing-chain", "-U", *how, "--", self._path))

    # -- what changes nothing -----------------------------------------------------------------

    @property
    def _answer_is_open(self) -> bool:
        return bool(self.query_one("#answer").display)

    def _ask(self, request: AskImage) -> None:
        if not self._within_reach:
            self.say(ELSEWHERE, "warn")
        elif self.read(request):
            self._asked = request
            self.say(f"{request.kind}: qemu-img reads the image")
        else:
            self.say("qemu-img reads it already", "warn")

    def _answer(self, request: AskImage, reply: Reply) -> None:
        """Show what qemu-img said in the place of the list."""
        self.unsay()
        lines = self._broken(request.line, "accent")
        try:
            if not isinstance(reply.value, str):
                raise ValueError(reply.message)
            answered = answer_lines(request.kind, reply.value)
            lines += [((f" {safe(line)}", ""),) for line in answered]
        except ValueError as error:
            lines += self._broken(str(error), "bad")
        self.query_one("#answer", LinesView).show(lines)
        self._open_answer(True)

    def _broken(self, text: str, tone: str) -> list[Line]:
        width = max(20, self.size.width - 1)  # beside the scroll bar
        return [((part, tone),) for part in wrapped(f" {safe(text)}", width)]

    def _open_answer(self, opened: bool) -> None:
        self.query_one("#answer").display = opened
        for kind in (LineTable, NotesView):
            self.query_one(kind).display = not opened
        self.set_focus(self.query_one("#answer" if opened else "LineTable"))
        self.refresh_hint()

    @override
    def go_back(self) -> bool:
        if not self._answer_is_open:
            return False
        self._open_answer(False)
        return True

    def do_check(self) -> None:
        """Look for errors."""
        self._ask(ask_check(self._path, self._format))

    def do_map(self) -> None:
        """Which parts are allocated where."""
        self._ask(ask_map(self._path, self._format))

    async def do_measure(self) -> None:
        """Ask for the format of the copy."""

        def accepted(text: str) -> bool:
            self._ask(ask_measure(self._path, self._format, text.strip()))
            return True

        await self._question("measure a copy in format", "qcow2", "qcow2 or raw", accepted)

    async def do_compare(self) -> None:
        """Ask for the other."""

        def accepted(text: str) -> bool:
            path, _, format_ = text.strip().rpartition(" ")
            if not path.startswith("/") or not format_:
                self.say("a path and its format: it is never guessed from the image", "bad")
                return False
            self._ask(ask_compare(self._path, self._format, path.strip(), format_))
            return True

        await self._question("compare to", "", "/path/of/another FORMAT", accepted)

    async def do_open(self) -> None:
        """Go to the base under the cursor."""
        row = self._rows.get(self.table.key or "")
        if row is None or row.snapshot is not None or not row.depth:
            self.say("no base here: this is the image itself", "warn")
        elif self._chain is not None:
            said = self._chain.images[row.depth - 1].backing_format or row.image.format
            await self.console.show_page(ImageScreen(row.image.path, said))

    # -- changes -----------------------------------------------------------------------------

    async def _question(self, label: str, text: str, hint: str, accepted: Accepted) -> None:
        if self._answer_is_open:  # the question takes the focus, and gives it to the list
            self._open_answer(False)
        await self.ask(label, text, hint, accepted=accepted)

    async def _planned(self, title: str, plan: Callable[[Image], Proposal]) -> bool:
        """Show what would be done, or say why nothing can be."""
        if (image := self._image) is None:
            self.say(safe(self._trouble) or "not read yet", "warn")
            return False
        return await self.propose(title, lambda: plan(image))

    async def do_resize(self) -> None:
        """Ask for the size."""
        now = self._image.virtual_bytes if self._image else None

        async def accepted(text: str) -> bool:
            wanted, shrink = text.strip().removeprefix("shrink "), text.strip().startswith("shrink")
            return await self._planned(
                "resize the image",
                lambda image: plan_resize(
                    self._path, self._format, image.virtual_bytes or 0, wanted, shrink
                ),
            )

        hint = "20GiB, +5GiB more; to make it smaller: shrink 5GiB, shrink -1GiB"
        await self._question("size", size(now).replace(" ", ""), hint, accepted)

    async def do_commit(self) -> None:
        """Write it down into its base; ask for the cache."""

        async def accepted(text: str) -> bool:
            return await self._planned(
                "commit it",
                lambda image: plan_commit(self._path, self._format, image, text.strip()),
            )

        if self._image is None or not self._image.backing:
            await accepted("")
            return
        hint = f"{', '.join(CACHES)}; empty: QEMU's own"
        await self._question("cache", "", hint, accepted)

    async def do_repair(self) -> None:
        """Ask how much."""

        async def accepted(text: str) -> bool:
            if text.strip() not in get_args(Repair):
                self.say("leaks or all", "bad")
                return False
            how = cast("Repair", text.strip())
            return await self._planned(
                "repair it", lambda _: plan_repair(self._path, self._format, how)
            )

        await self._question("repair (leaks, all)", "leaks", "check it first", accepted)

    async def do_snapshot(self) -> None:
        """Ask for its name."""
        await self._question(
            "snapshot",
            "",
            "a name",
            lambda text: self._planned_snapshot("create", text.strip()),
        )

    async def do_apply(self) -> None:
        """Go back to the snapshot under the cursor."""
        await self._act_on_snapshot("apply")

    async def do_delete(self) -> None:
        """Delete the snapshot under the cursor."""
        await self._act_on_snapshot("delete")

    async def _act_on_snapshot(self, act: SnapshotAct) -> None:
        row = self._rows.get(self.table.key or "")
        if row is None or row.snapshot is None:
            self.say("no snapshot here", "warn")
        else:
            await self._planned_snapshot(act, row.snapshot.name)

    async def _planned_snapshot(self, act: SnapshotAct, name: str) -> bool:
        return await self._planned(
            f"{act} a snapshot",
            lambda image: plan_snapshot(self._path, self._format, image, act, name),
        )

    async def do_convert(self) -> None:
        """Ask for what a copy needs."""
        from vconsole.screens.storage.image_forms import ConvertFormScreen

        if (image := self._image) is None:
            self.say(safe(self._trouble) or "not read yet", "warn")
        else:
            await self.console.show_page(ConvertFormScreen(self._path, self._format, image))

    async def do_rebase(self) -> None:
        """Ask for the base."""
        from vconsole.screens.storage.image_forms import RebaseFormScreen

        if (chain := self._chain) is None:
            self.say(safe(self._trouble) or "not read yet", "warn")
        else:
            await self.console.show_page(RebaseFormScreen(self._path, self._format, chain))
