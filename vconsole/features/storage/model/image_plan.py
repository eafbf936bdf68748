"""Plans changes of disk images: the qemu-img lines, and why there are none.

A path is data: it is absolute, so that ``json:...`` or ``nbd:...`` is a file name, no protocol, and
``-x`` no option. The format of an image is said by its owner: a raw image may hold what looks like
another format, written there by its guest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vconsole.features.storage.model.image_key import key_of_made, source
from vconsole.features.storage.model.images import (
    PROTOCOLS,
    READ_ONLY_FORMATS,
    Chain,
    Image,
    ImageWork,
    Room,
)
from vconsole.model.proposal import Proposal
from vconsole.model.size import parse

CACHES: Final = ("none", "writeback", "writethrough", "directsync", "unsafe")


def _need_format(format_: str, path: str) -> None:
    if not format_:
        raise ValueError(f"say the format of {path}: it is never guessed from its content")
    if format_ in PROTOCOLS:
        raise ValueError(f"{format_} is a protocol, no format of a file")


def _need_path(*paths: str) -> None:
    for path in paths:
        if not path.startswith("/"):
            raise ValueError(f"{path!r} does not begin with /")


def _need_writable(format_: str) -> None:
    if format_ in READ_ONLY_FORMATS:
        raise ValueError(f"qemu-img reads {format_} and does not write it")


def plan_create(
    path: str,
    format_: str,
    size: str,
    options: Sequence[str] = (),
    backing: str = "",
    backing_format: str = "",
    key_file: str = "",
) -> Proposal:
    """Plan an empty image, encrypted where there is a file with a key.

    Raises:
        ValueError: Path, format or size are none.
    """
    _need_path(path, *([backing] if backing else []))
    _need_format(format_, path)
    _need_writable(format_)
    if not size and not backing:
        raise ValueError("say its size, or what it is based on")
    secret, encrypted = key_of_made(format_, key_file)
    argv = ["create", "-q", *secret, "-f", format_]
    if backing:
        _need_format(backing_format, backing)
        argv += ["-b", backing, "-F", backing_format]
    argv += _options((*options, *encrypted))
    argv += ["--", "{output}", *([str(parse(size).asked_bytes)] if size or not backing else [])]
    based = (f"  based on {backing} ({backing_format})",) if backing else ()
    difference = (f"+ {path}  {format_}  {size or 'as large as its base'}", *based)
    work = ImageWork(
        path, "create an image", tuple(argv), output=path, format=format_, difference=difference
    )
    return Proposal((work,))


def _options(options: Sequence[str]) -> list[str]:
    for option in options:
        if "=" not in option or not option.isprintable():
            raise ValueError(f"{option!r} is no option: give name=value")
        if "backing_f" in option:  # backing_file and backing_fmt: a path there would be no path
            raise ValueError("say what it is based on by its path and format, not by an option")
    return ["-o", ",".join(options)] if options else []


@dataclass(frozen=True, slots=True)
class Conversion:
    """A copy of an image in another format."""

    source: str
    source_format: str
    output: str
    output_format: str
    compress: bool = False
    sparse: str = ""
    """How many zero bytes become a hole: ``4k``."""
    unordered: bool = False
    options: tuple[str, ...] = ()
    cache: str = ""
    snapshot: str = ""
    """A snapshot inside the source, in place of what it holds now."""
    backing: str = ""
    backing_format: str = ""
    protocol: bool = False
    """The source is the address of a protocol, as QEMU writes it."""
    key_file: str = ""
    """A file with the key that the copy is encrypted with."""
    source_key_file: str = ""
    """A file with the key of the source."""


def plan_convert(wish: Conversion, room: Room | None = None) -> Proposal:
    """Plan a copy; the source is only read. What `room` foresees is said.

    Raises:
        ValueError: Something is missing or none.
    """
    _need_path(wish.output, *([] if wish.protocol else [wish.source]))
    _need_format(wish.source_format, wish.source)
    _need_format(wish.output_format, wish.output)
    _need_writable(wish.output_format)
    if wish.source == wish.output:
        raise ValueError("an image is not converted into itself")
    secret, encrypted = key_of_made(wish.output_format, wish.key_file)
    how, source_name = source(wish.source, wish.source_format, wish.source_key_file)
    argv = ["convert", "-p", *secret, *how, "-O", wish.output_format]
    argv += ["-c"] * wish.compress + ["-W"] * wish.unordered
    argv += ["-S", wish.sparse] if wish.sparse else []
    argv += _cache(wish.cache)
    inside = wish.snapshot.replace(",", ",,")  # one comma begins another option of QEMU's
    argv += ["-l", f"snapshot.name={inside}"] if inside else []
    if wish.backing:
        _need_path(wish.backing)
        _need_format(wish.backing_format, wish.backing)
        argv += ["-B", wish.backing, "-F", wish.backing_format]
    argv += [*_options((*wish.options, *encrypted)), "--", source_name, "{output}"]
    difference = (
        f"  {wish.source}  {wish.source_format}",
        f"+ {wish.output}  {wish.output_format}",
    )
    work = ImageWork(
        wish.source,
        f"convert it to {wish.output_format}",
        tuple(argv),
        output=wish.output,
        format=wish.output_format,
        difference=difference,
    )
    return Proposal((work,), tuple(_foreseen(wish, room)))


def _foreseen(wish: Conversion, room: Room | None) -> Iterable[str]:
    needed, free = (room.required_bytes, room.free_bytes) if room else (None, None)
    if needed is None or free is None:
        return
    place = wish.output.rpartition("/")[0] or "/"
    if needed > free:
        less = "; compressed it may take less" if wish.compress else ""
        yield f"it takes {needed} bytes, {place} has {free}: the disk would be full{less}"


def plan_resize(
    path: str, format_: str, now_bytes: int, text: str, shrink: bool = False
) -> Proposal:
    """Plan another size: ``20G``, ``+5G`` more, or with `shrink` less.

    Raises:
        ValueError: It is none, or less without the word for it.
    """
    _need_path(path)
    _need_format(format_, path)
    sign, rest = (
        (text.strip()[:1], text.strip()[1:]) if text.strip()[:1] in ("+", "-") else ("", text)
    )
    asked = parse(rest).asked_bytes
    after = {"+": now_bytes + asked, "-": now_bytes - asked}.get(sign, asked)
    after = -(-after // 512) * 512
    if after <= 0 or after == now_bytes:
        raise ValueError(f"{path} has {now_bytes} bytes: that would make {after}")
    if after < now_bytes and not shrink:
        raise ValueError(
            "to make an image smaller cuts off its end, and what lies there is lost: make the "
            "partitions and file systems in it smaller first, then say shrink"
        )
    argv = ("resize", "-q", "-f", format_, *(("--shrink",) * shrink), "--", path, str(after))
    work = ImageWork(
        path,
        "shrink it" if after < now_bytes else "grow it",
        argv,
        (path,),
        "vconsole disk resize",
        format=format_,
        grade="destructive" if after < now_bytes else "harmless",
        difference=(f"- {now_bytes} bytes", f"+ {after} bytes"),
    )
    return Proposal((work,), (_SHRUNK if after < now_bytes else _GROWN,))


_GROWN: Final = "partitions and file systems in it stay as they are: its guest makes them larger"
_SHRUNK: Final = (
    "what lies behind the new end is lost: its guest must have made partitions and file systems "
    "smaller before"
)


def plan_rebase(
    path: str,
    format_: str,
    chain: Chain,
    backing: str,
    backing_format: str,
    unsafe: bool,
    cache: str = "",
) -> Proposal:
    """Plan another base for an image; an empty one makes it stand alone.

    Args:
        path: The image.
        format_: Of the image.
        chain: The image and what can be read of its bases.
        backing: The new base.
        backing_format: Of the new base.
        unsafe: Only the name is changed; nothing is read or copied.
        cache: One of `CACHES`, or QEMU's own.

    Raises:
        ValueError: A format is missing, or the base that is needed is not there.
    """
    _need_path(path, *([backing] if backing else []))
    _need_format(format_, path)
    if backing:
        _need_format(backing_format, backing)
    if format_ not in ("qcow2", "qed"):
        raise ValueError(f"the base of a {format_} image cannot be changed: that of qcow2 can")
    _check_bases(path, chain, backing, unsafe)
    how = ["-u"] if unsafe else ["-p"]
    argv = ["rebase", *how, *_cache(cache), "-f", format_, "-b", backing]
    argv += ["-F", backing_format] if backing else []
    work = ImageWork(
        path,
        "change what it is based on" if backing else "let it stand alone",
        (*argv, "--", path),
        (path,),
        "vconsole disk flatten or move",
        format=format_,
        base=(backing, backing_format),
        grade="destructive" if unsafe else "interrupting",
        difference=_bases(chain.images[0].backing_path, backing),
    )
    return Proposal((work,), (_UNSAFE if unsafe else _SAFE,))


def _check_bases(path: str, chain: Chain, backing: str, unsafe: bool) -> None:
    """Refuse what cannot be read, and what would change nothing or end in a circle."""
    image = chain.images[0]
    if not unsafe and image.backing and chain.problem:
        raise ValueError(
            f"{chain.problem}: what differs cannot be copied; only an unsafe rebase, to a base "
            "that has the same content, can be done"
        )
    if path == backing:
        raise ValueError("an image is not based on itself")
    if not backing and not image.backing:
        raise ValueError("it is based on nothing: say what on")


_UNSAFE: Final = (
    "unsafe: only the name of the base is changed. If the new one holds anything else than the "
    "old, the guest sees a broken disk"
)
_SAFE: Final = "it reads both bases and copies what differs: the image may grow, and takes a while"


def _bases(before: str, after: str) -> tuple[str, str]:
    return f"- based on {before or 'nothing'}", f"+ based on {after or 'nothing'}"


def _cache(cache: str) -> tuple[str, ...]:
    if cache and cache not in CACHES:
        raise ValueError(f"a cache is one of {', '.join(CACHES)}")
    return ("-t", cache) if cache else ()


def plan_commit(path: str, format_: str, image: Image, cache: str = "") -> Proposal:
    """Plan to write an image down into its base.

    Raises:
        ValueError: It has none.
    """
    _need_path(path)
    _need_format(format_, path)
    if not image.backing:
        raise ValueError(f"{path} is based on nothing")
    argv = ("commit", "-p", *_cache(cache), "-f", format_, "--", path)
    work = ImageWork(
        path,
        "write it down into its base",
        argv,
        (path, image.backing_path),
        "vconsole disk commit",
        format=format_,
        grade="destructive",
        difference=(f"- {path}: what it holds", f"+ {image.backing_path}: the same"),
    )
    note = f"{image.backing_path} is changed: other images based on it break"
    return Proposal((work,), (note,))


Repair = Literal["leaks", "all"]


def plan_repair(path: str, format_: str, how: Repair) -> Proposal:
    """Plan a repair.

    Raises:
        ValueError: The format has nothing to repair.
    """
    _need_path(path)
    _need_format(format_, path)
    if format_ == "raw":
        raise ValueError("a raw image has nothing that could be repaired")
    argv = ("check", "-q", "-f", format_, "-r", how, "--", path)
    work = ImageWork(
        path,
        f"repair it ({how})",
        argv,
        (path,),
        format=format_,
        grade="interrupting" if how == "leaks" else "destructive",
        difference=(f"  {path}",),
    )
    notes = ("a wrong repair makes it worse: take a copy first",) if how == "all" else ()
    return Proposal((work,), notes)


SnapshotAct = Literal["create", "apply", "delete"]


_SNAPSHOT: Final[Mapping[SnapshotAct, str]] = {"create": "-c", "apply": "-a", "delete": "-d"}


def plan_snapshot(path: str, format_: str, image: Image, act: SnapshotAct, name: str) -> Proposal:
    """Plan a snapshot inside an image.

    Raises:
        ValueError: There is none of the name, or one already, or the format has none.
    """
    _need_path(path)
    _need_format(format_, path)
    if format_ != "qcow2":
        raise ValueError(f"{format_} has no snapshots inside: qcow2 has")
    known = {snapshot.name for snapshot in image.snapshots}
    if not name.strip() or not name.isprintable():
        raise ValueError("a snapshot needs a name")
    if (name in known) == (act == "create"):
        raise ValueError(f"there is {'a' if name in known else 'no'} snapshot {name}")
    ids = [snapshot.id for snapshot in image.snapshots if snapshot.name == name]
    if len(ids) > 1:
        raise ValueError(f"{len(ids)} snapshots are named {name}: qemu-img cannot tell them apart")
    # to apply it looks for a number first: a snapshot named 2 is not the second
    what = ids[0] if act == "apply" else name
    argv = ("snapshot", "-q", _SNAPSHOT[act], what, "--", path)
    sign = {"create": "+", "apply": " ", "delete": "-"}[act]
    lost = ("- what was written since",) if act == "apply" else ()
    work = ImageWork(
        path,
        f"{act} snapshot {name}",
        argv,
        (path,),
        "vconsole snapshot",
        format=format_,
        grade="harmless" if act == "create" else "destructive",
        difference=(*lost, f"{sign} snapshot {name}"),
    )
    return Proposal((work,))
