"""The disks of a domain: what each is and does, and what can be done while it is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import ClassVar

from vconsole.changes.dispatcher import Request
from vconsole.features.storage.model.disk_change import LIMITS, JobKind
from vconsole.features.storage.model.disk_plan import (
    DiskWish,
    attacher,
    chain_job,
    detacher,
    end_job,
    plan_limit,
    plan_medium,
    plan_resize_disk,
)
from vconsole.features.storage.model.disks import Disk, DiskReport, Numbers, ReadDisks
from vconsole.features.storage.words import DISK_COLUMNS, DiskRow, disk_notes
from vconsole.model.column import row_cells
from vconsole.model.proposal import Planner, Proposal, Propose
from vconsole.model.rates import too_soon
from vconsole.model.request import Reply
from vconsole.model.virsh import domain_argument
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe, size

LOOK_EVERY_S = 2.0
_TARGET = re.compile(r"(vd|sd|hd|xvd|fd)[a-z]{1,2}")


class DisksScreen(ListPage, DomainPage):
    """A row for each disk, live or as it is defined; all about one below."""

    SCOPE = "disks"
    BINDINGS: ClassVar = bindings("disks")
    COLUMNS = DISK_COLUMNS
    DEFAULT_CSS = """
    DisksScreen NotesView { height: 9; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._report: DiskReport | None = None
        self._before: dict[str, Numbers] = {}
        self._trouble = ""

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look, and again."""
        self.every(LOOK_EVERY_S, self._look)

    @override
    def read_again(self) -> None:
        self._look()

    def _look(self) -> None:
        self.read(ReadDisks(self._uuid))

    def replied(self, request: Request, reply: Reply) -> None:
        """Take in what was read, here or after a change of this domain."""
        if getattr(request, "uuid", None) != self._uuid:
            return
        if isinstance(request, ReadDisks):
            self._trouble = reply.message
        if isinstance(reply.value, DiskReport):
            self._take(reply.value)
        self._show()

    def _take(self, report: DiskReport) -> None:
        """Count from the reading before this one, or from what that one was counted from."""
        for target, latest in (self._report.numbers if self._report else {}).items():
            now = report.numbers.get(target)
            if now is None or not too_soon(now.at_s - latest.at_s):
                self._before[target] = latest
        self._report = report

    # -- showing -----------------------------------------------------------------------------

    @property
    def _disk(self) -> Disk | None:
        return self._find(self.table.key)

    def _find(self, target: str | None) -> Disk | None:
        disks = self._report.disks if self._report else ()
        return next((disk for disk in disks if disk.target == target), None)

    def _show(self) -> None:
        domain, report = self.subject, self._report
        name, state = (safe(domain.name), domain.state) if domain else ("", "gone")
        words = plural(len(report.disks), "disk") if report else self._trouble or "reading"
        targets = [disk.target for disk in report.disks] if report else []
        self.show_list(f"Disks of {name}", f"{state}   {safe(words)}", targets)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        disk = self._find(key)
        if disk is None or self._report is None:
            return (("-", "dim"),) * len(DISK_COLUMNS)
        return row_cells(DISK_COLUMNS, self._row(disk))

    def _row(self, disk: Disk) -> DiskRow:
        numbers = self._report.numbers if self._report else {}
        return DiskRow(disk, numbers.get(disk.target), self._before.get(disk.target))

    @override
    def notes(self) -> Iterable[Note]:
        return disk_notes(self._row(self._disk), self.size.width < 110) if self._disk else ()

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return safe(self._trouble), "bad"
        if self._report is not None and not self._report.disks:
            return "it has no disks", ""
        return "", ""

    @override
    def virsh(self) -> str:
        domain = self.subject
        name = domain_argument(domain.name, domain.uuid) if domain else self._uuid
        return f"domblklist {name} --details"

    # -- commands ----------------------------------------------------------------------------

    async def _ask_host(self, title: str, planner: Planner) -> None:
        """Have a planner look at the domain's XML as it is now."""
        if (domain := self.subject) is not None:
            wanted = Propose(((domain.uuid, domain.name),), planner, ("both", "live", "config"))
            await self.console.show_changes(title, asking=wanted)

    async def _planned(self, title: str, plan: Callable[[str, str, DiskReport], Proposal]) -> bool:
        """Show what would be done, or say why nothing can be."""
        domain, report = self.subject, self._report
        if domain is None or report is None:
            self.say("not read yet", "warn")
            return False
        return await self.propose(title, lambda: plan(domain.uuid, domain.name, report))

    def _target(self) -> str | None:
        """The disk under the cursor, or say that there is none."""
        if (disk := self._disk) is None:
            self.say("no disk here", "warn")
            return None
        return disk.target

    async def _job(self, kind: JobKind, title: str) -> None:
        if target := self._target():
            await self._planned(
                f"{title} {target}", lambda u, n, r: chain_job(u, n, r, target, kind)
            )

    async def do_flatten(self) -> None:
        """Pull its bases into it."""
        await self._job("flatten", "flatten")

    async def do_commit(self) -> None:
        """Write it down into its base; of a longer chain, ask which of it."""
        disk = self._disk
        if disk is None or disk.live is None or len(disk.live.chain) < 2:
            await self._job("commit", "commit")
            return

        async def accepted(text: str) -> bool:
            kinds: dict[str, JobKind] = {
                "one": "commit",
                "all": "commit all",
                "bases": "commit bases",
            }
            if (kind := kinds.get(text.strip())) is None:
                self.say("one, all or bases", "bad")
                return False
            await self._job(kind, "commit")
            return True

        hint = "one: into its base; all: the whole chain into the last; bases: those alone"
        await self.ask("commit (one, all, bases)", "one", hint, accepted=accepted)

    async def do_end(self) -> None:
        """End a job that nobody follows."""
        disk = self._disk
        target = self._target()
        if disk is None or target is None:
            return
        if not disk.now.mirror_ready:
            await self._end(target, pivot=False)
            return

        async def accepted(text: str) -> bool:
            if text.strip() not in ("go on", "end"):
                self.say("go on, or end", "bad")
                return False
            await self._end(target, pivot=text.strip() == "go on")
            return True

        hint = f"it has caught up. go on: at {safe(disk.now.mirror_to)}; end: where it is"
        await self.ask(f"job of {target} (go on, end)", "end", hint, accepted=accepted)

    async def _end(self, target: str, *, pivot: bool) -> None:
        await self._planned(
            f"end the job of {target}", lambda u, n, r: end_job(u, n, r, target, pivot)
        )

    async def do_move(self) -> None:
        """Ask where to."""
        if target := self._target():
            await self.ask(
                f"move {target} to",
                "",
                "/path/of/the/new/image, or POOL/NAME of a new volume",
                accepted=lambda text: self._planned(
                    f"move {target}",
                    lambda u, n, r: chain_job(u, n, r, target, "copy", text.strip()),
                ),
            )

    async def do_resize(self) -> None:
        """Ask for the capacity."""
        if target := self._target():
            numbers = self._report.numbers.get(target) if self._report else None
            await self.ask(
                f"capacity of {target}",
                size(numbers.capacity_bytes if numbers else None).replace(" ", ""),
                "20GiB, or +5GiB more; to make it smaller: shrink 5GiB",
                accepted=lambda text: self._planned(
                    f"resize {target}",
                    lambda u, n, r: plan_resize_disk(
                        *(u, n, r, target, text.strip().removeprefix("shrink ")),
                        text.strip().startswith("shrink "),
                    ),
                ),
            )

    async def do_medium(self) -> None:
        """Ask for the image; none ejects."""
        if target := self._target():
            await self.ask(
                f"medium of {target}",
                "",
                "/path/of/an.iso, or POOL/NAME; empty ejects",
                accepted=lambda text: self._planned(
                    f"change {target}", lambda u, n, r: plan_medium(u, n, r, target, text.strip())
                ),
            )

    async def do_limit(self) -> None:
        """Ask for a limit."""
        if target := self._target():
            await self.ask(
                f"limit {target}",
                "",
                f"{LIMITS[0]} 50MiB, or {LIMITS[3]} 500; 0 is no limit",
                accepted=lambda text: self._planned(
                    f"limit {target}", lambda u, n, r: plan_limit(u, n, r, target, *_words(text))
                ),
            )

    async def do_image(self) -> None:
        """Go to its image, read by the format that the domain says."""
        from vconsole.screens.storage.image import ImageScreen

        disk = self._disk
        if disk is None or not disk.now.source.startswith("/"):
            self.say("no image here that has a path", "warn")
            return
        said = disk.now.format if disk.now.format != "-" else "raw"
        await self.console.show_page(ImageScreen(disk.now.source, said))

    async def do_attach(self) -> None:
        """Ask for image and format."""
        await self.ask(
            "attach",
            "",
            "/path/of/an/image or POOL/NAME, FORMAT [TARGET]: /srv/a.qcow2 qcow2 vdb",
            accepted=self._attached,
        )

    async def _attached(self, text: str) -> bool:
        words = text.split()
        target = words.pop() if words and _TARGET.fullmatch(words[-1]) else ""
        path = text.strip().removesuffix(target).strip().removesuffix(words[-1] if words else "")
        if len(words) < 2:
            self.say("a path and its format: it is never guessed from the image", "bad")
            return False
        wish = DiskWish(path.strip(), words[-1], target)
        await self._ask_host(f"attach {wish.path}", attacher(wish))
        return True

    async def do_detach(self) -> None:
        """Take it away."""
        if target := self._target():
            await self._ask_host(f"detach {target}", detacher(target))


def _words(text: str) -> tuple[str, str]:
    """The limit and its value."""
    name, _, value = text.strip().partition(" ")
    return name, value.strip()
