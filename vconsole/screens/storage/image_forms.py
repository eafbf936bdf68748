"""Forms of disk images: one to be made, a copy in another format, another base."""

from __future__ import annotations

from typing import Final

from vconsole.changes.dispatcher import Request
from vconsole.features.storage.model.forms import Field
from vconsole.features.storage.model.image_key import ENCRYPTED
from vconsole.features.storage.model.image_plan import (
    CACHES,
    Conversion,
    plan_convert,
    plan_create,
    plan_rebase,
)
from vconsole.features.storage.model.images import (
    READ_ONLY_FORMATS,
    WRITABLE,
    Chain,
    Image,
    ReadRoom,
    Room,
)
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.storage.form import FormScreen

_YES_NO: Final = ("no", "yes")
_FORMATS: Final = ("", *WRITABLE, *READ_ONLY_FORMATS)
_BASE: Final = (
    Field("backing", "Based on", "/path/base.qcow2", optional=True, path=True),
    Field("backing_format", "Format of that", choices=_FORMATS, optional=True),
)
_FORMAT: Final = Field("format", "Format", default="qcow2", choices=WRITABLE)
_TO: Final = Field("to", "Format", default="qcow2", choices=WRITABLE)
_CACHE: Final = Field("cache", "Cache", choices=("", *CACHES), optional=True)
_KEY: Final = Field("key", "Encrypt by key file", "/root/web.key", optional=True, path=True)
_SOURCE_KEY: Final = Field("source_key", "Key file of the source", "/root/web.key", path=True)
_OPTIONS: Final = Field("options", "Options", "cluster_size=1M lazy_refcounts=on", optional=True)


def _key(format_: str) -> tuple[Field, ...]:
    """What a format is asked for that can be encrypted."""
    return (_KEY,) if format_ in ENCRYPTED else ()


class CreateImageScreen(FormScreen):
    """An empty image, or one on top of another."""

    TITLE = "create an image"

    @override
    def fields(self) -> tuple[Field, ...]:
        return (
            Field("path", "Path", "/srv/images/web.qcow2", path=True),
            Field("size", "Size", "20GiB", "20GiB", optional=True),
            _FORMAT,
            *_BASE,
            _OPTIONS,
            *_key(self.value(_FORMAT)),
        )

    @override
    def plan(self) -> Proposal:
        v = self.answers()
        return plan_create(
            *(v["path"], v["format"], v["size"], v["options"].split()),
            *(v["backing"], v["backing_format"], v.get("key", "")),
        )


class ConvertFormScreen(FormScreen):
    """A copy of an image; measured before, so that a full disk is foreseen."""

    TITLE = "convert the image"

    def __init__(self, path: str, format_: str, image: Image) -> None:
        super().__init__()
        self._path, self._format, self._image = path, format_, image
        self._asked: ReadRoom | None = None
        self._room: Room | None = None

    @override
    def fields(self) -> tuple[Field, ...]:
        names = tuple(snapshot.name for snapshot in self._image.snapshots)
        inside = Field("snapshot", "Of the snapshot", choices=("", *names), optional=True)
        return (
            Field("output", "To the file", "/srv/images/copy.raw", path=True),
            _TO,
            *((_SOURCE_KEY,) if self._image.encrypted else ()),
            Field("compress", "Compress", default="no", choices=_YES_NO),
            Field("sparse", "Zeros make a hole", "4k", optional=True),
            Field("unordered", "In any order", default="no", choices=_YES_NO),
            _CACHE,
            _OPTIONS,
            *((inside,) if names else ()),
            *_BASE,
            *_key(self.value(_TO)),
        )

    def _wish(self) -> Conversion:
        v = self.answers()
        return Conversion(
            *(self._path, self._format, v["output"], v["to"], v["compress"] == "yes"),
            *(v["sparse"], v["unordered"] == "yes", tuple(v["options"].split()), v["cache"]),
            *(v.get("snapshot", ""), v["backing"], v["backing_format"], False),
            *(v.get("key", ""), v.get("source_key", "")),
        )

    @override
    def plan(self) -> Proposal:
        wish = self._wish()
        asked = ReadRoom(self._path, self._format, wish.output, wish.output_format)
        if asked != self._asked and wish.output.startswith("/") and self.read(asked, wish.output):
            self._asked, self._room = asked, None
        return plan_convert(wish, self._room)

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        super().replied(request, reply)
        if request == self._asked:
            self._room = reply.value if isinstance(reply.value, Room) else None
            self._show()


class RebaseFormScreen(FormScreen):
    """Another base of an image, or none."""

    TITLE = "rebase the image"

    def __init__(self, path: str, format_: str, chain: Chain) -> None:
        super().__init__()
        self._path, self._format, self._chain = path, format_, chain

    @override
    def fields(self) -> tuple[Field, ...]:
        return (*_BASE, Field("how", "How", default="safe", choices=("safe", "unsafe")), _CACHE)

    @override
    def plan(self) -> Proposal:
        v = self.answers()
        return plan_rebase(
            *(self._path, self._format, self._chain),
            *(v["backing"], v["backing_format"], v["how"] == "unsafe"),
            v["cache"],
        )
