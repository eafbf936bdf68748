"""``vconsole image ...``: disk images on this machine, by qemu-img."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, asking, change, longest_s
from vconsole.cli.report import DONE, FAILED, REFUSED, CliError, print_json, print_table
from vconsole.features.storage.image_words import answer_lines, is_wrong
from vconsole.features.storage.model.image_plan import (
    CACHES,
    Conversion,
    plan_commit,
    plan_convert,
    plan_create,
    plan_rebase,
    plan_repair,
    plan_resize,
    plan_snapshot,
)
from vconsole.features.storage.model.images import (
    AskImage,
    Chain,
    Image,
    ReadImage,
    ReadRoom,
    Room,
    ask_check,
    ask_compare,
    ask_map,
    ask_measure,
)
from vconsole.host.source import HostSource, View
from vconsole.model.manifest import imported
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply
from vconsole.text import safe, size

_DAY_S: Final = 24 * 3600.0
_ROOM: Final = "vconsole.features.storage.host.images"
Plan = Callable[[argparse.Namespace], Proposal]


def add_parser(commands: Commands) -> None:
    """Add the word."""
    top = commands.add_parser("image", help="disk images: info, check, convert, resize and more")
    acts = top.add_subparsers(dest="action", required=True, metavar="ACTION")
    info = _reading(acts, "info", "an image, its chain and its snapshots", _info)
    _image_argument(info)
    check = _reading(acts, "check", "look for errors; exit 1 where there are any", _check)
    _image_argument(check)
    map_ = _reading(acts, "map", "which parts of an image are allocated where", _map)
    _image_argument(map_)
    compare = _reading(acts, "compare", "exit 0 where two images hold the same, else 1", _compare)
    _image_argument(compare)
    compare.add_argument("other", help="the path of another image")
    compare.add_argument("--other-format", default="", help="the format of the other")
    measure = _reading(acts, "measure", "how much room a conversion would take", _measure)
    _image_argument(measure)
    measure.add_argument("--to", default="qcow2", help="the format of the copy")
    for parser in (info, check, map_, compare, measure):
        _protocol_argument(parser)
    partial = _reading(acts, "partials", "images of a directory that were not finished", _partials)
    partial.add_argument("directory", help="where images were made")
    _add_changes(acts)


def _add_changes(acts: Commands) -> None:
    create = _changing(acts, "create", "make an empty image", _plan_create)
    create.add_argument("path", help="where it is to be")
    create.add_argument("size", nargs="?", default="", help="20G; default that of its base")
    create.add_argument("--format", default="qcow2", help="of the image (%(default)s)")
    _option_argument(create)
    _backing_arguments(create)
    convert = _changing(acts, "convert", "copy an image into another format", _plan_convert)
    _image_argument(convert)
    _protocol_argument(convert)
    convert.add_argument("output", help="the path of the copy")
    convert.add_argument("--to", default="qcow2", help="the format of the copy")
    convert.add_argument("--compress", action="store_true", help="smaller, and slower to make")
    convert.add_argument("--sparse", default="", metavar="SIZE", help="zero bytes that make a hole")
    convert.add_argument("--unordered", action="store_true", help="write in any order: faster")
    convert.add_argument("--snapshot", default="", help="of a snapshot inside the image")
    _option_argument(convert)
    _backing_arguments(convert)
    for parser in (create, convert):
        parser.add_argument("--key-file", default="", help="encrypt it with the key in this file")
    convert.add_argument("--source-key-file", default="", help="the key of the image is in this")
    resize = _changing(acts, "resize", "make an image larger", _plan_resize)
    _image_argument(resize)
    resize.add_argument("size", help="20G, or +5G more")
    resize.add_argument("--shrink", action="store_true", help="allow to cut off its end")
    rebase = _changing(acts, "rebase", "change what an image is based on", _plan_rebase)
    _image_argument(rebase)
    _backing_arguments(rebase)
    rebase.add_argument("--unsafe", action="store_true", help="change the name of its base only")
    commit = _changing(acts, "commit", "write an image down into its base", _plan_commit)
    _image_argument(commit)
    for parser in (convert, rebase, commit):
        parser.add_argument("--cache", default="", choices=("", *CACHES), help="how it is written")
    repair = _changing(acts, "repair", "repair an image that check found wrong", _plan_repair)
    _image_argument(repair)
    repair.add_argument("--all", action="store_true", help="not the leaks alone")
    snapshot = _changing(acts, "snapshot", "snapshots inside an image", _plan_snapshot)
    _image_argument(snapshot)
    snapshot.add_argument("act", choices=("create", "apply", "delete"))
    snapshot.add_argument("name", help="of the snapshot")


def _option_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        *("-o", "--option"),
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of the format, as qemu-img's -o",
    )


def _image_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "image", metavar="IMAGE", help="a path, never a protocol unless that is said"
    )
    parser.set_defaults(protocol=False)
    parser.add_argument("-f", "--image-format", default="", help="its format: it is never guessed")


def _protocol_argument(parser: argparse.ArgumentParser) -> None:
    words = "IMAGE is the address of a protocol, as QEMU writes it: nbd://..., json:{...}"
    parser.add_argument("--protocol", action="store_true", help=words)


def _backing_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backing", default="", metavar="PATH", help="the image it is based on")
    parser.add_argument("--backing-format", default="", help="the format of that image")


def _reading(
    acts: Commands, word: str, help_: str, run: Callable[..., int]
) -> argparse.ArgumentParser:
    parser = acts.add_parser(word, help=help_)
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.set_defaults(run=run, connects=False, longest=lambda _: 3700.0)
    return parser


def _changing(acts: Commands, word: str, help_: str, plan: Plan) -> argparse.ArgumentParser:
    parser = acts.add_parser(word, help=help_)
    add_connection_arguments(parser, argparse.SUPPRESS)
    add_change_arguments(parser)
    parser.set_defaults(run=_change, plan=plan, longest=lambda _: longest_s(1, _DAY_S))
    return parser


# ---- reading


def _path(text: str) -> str:
    return os.path.abspath(text)


def _optional(text: str) -> str:
    return _path(text) if text else ""


def _source(options: argparse.Namespace) -> str:
    """The image that is read: a file, unless it was said to be the address of a protocol."""
    if options.protocol:
        return str(options.image)
    _need_said(options.image_format, options.image, "-f")
    return _path(options.image)


def _need_said(format_: str, image: str, option: str) -> None:
    """Refuse to guess: what a guest wrote into a raw image could pass for another format."""
    if not format_:
        words = f"say the format of {image} with {option}: it is never guessed from its content"
        raise CliError(words, REFUSED)


def _read(options: argparse.Namespace) -> Chain:
    request = ReadImage(_source(options), options.image_format, options.protocol)
    reply: Reply = imported(f"{_ROOM}:read_image")(request)
    if not isinstance(reply.value, Chain):
        raise CliError(f"{options.image}: {reply.message}")
    return reply.value


def _ask(request: AskImage) -> str:
    reply: Reply = imported(f"{_ROOM}:ask_image")(request)
    if not isinstance(reply.value, str):
        raise CliError(reply.message)
    return reply.value


def _print_answer(options: argparse.Namespace, request: AskImage) -> Any:
    """Print what qemu-img answers, and answer it."""
    text = _ask(request)
    if options.json:
        print_json(json.loads(text))
    else:
        for line in answer_lines(request.kind, text):
            print(safe(line))
    return json.loads(text)


def _info(options: argparse.Namespace) -> int:
    chain = _read(options)
    if options.json:
        print_json(chain)
    else:
        titles = ("Image", "Format", "Size", "On disk", "Note")
        print_table(titles, [_row(image) for image in chain.images])
        for snapshot in chain.images[0].snapshots:
            print(safe(f"  snapshot {snapshot.id}  {snapshot.name}"))
    if chain.problem:
        raise CliError(chain.problem)
    return DONE


def _row(image: Image) -> tuple[object, ...]:
    notes = [("not closed well: check it", image.dirty), ("encrypted", image.encrypted)]
    words = ", ".join(word for word, true in notes if true)
    sizes = size(image.virtual_bytes), size(image.allocated_bytes)
    return image.path, image.format, *sizes, words or None


def _check(options: argparse.Namespace) -> int:
    found = _print_answer(options, ask_check(_source(options), options.image_format))
    return FAILED if is_wrong(found) else DONE


def _map(options: argparse.Namespace) -> int:
    _print_answer(options, ask_map(_source(options), options.image_format))
    return DONE


def _compare(options: argparse.Namespace) -> int:
    _need_said(options.other_format, options.other, "--other-format")
    images = _source(options), options.image_format, _path(options.other), options.other_format
    text = _ask(ask_compare(*images)).strip()
    same = text == "Images are identical."
    print_json({"same": same, "words": text}) if options.json else print(safe(text))
    return DONE if same else FAILED


def _measure(options: argparse.Namespace) -> int:
    _print_answer(options, ask_measure(_source(options), options.image_format, options.to))
    return DONE


def _partials(options: argparse.Namespace) -> int:
    found = imported("vconsole.features.storage.host.files:partials")(Path(options.directory))
    if options.json:
        print_json([str(path) for path in found])
    for path in () if options.json else found:
        print(safe(str(path)))
    return DONE


# ---- changing


def _change(options: argparse.Namespace, source: HostSource) -> int:
    connection = source.read(View("domains")).connection
    try:
        proposal = options.plan(options)
    except ValueError as error:
        raise CliError(str(error), REFUSED) from error
    with asking(options) as host:
        return change(options, connection, host, proposal)


def _top(options: argparse.Namespace) -> Image:
    """The image as it is; read by the format that was said."""
    _need_said(options.image_format, options.image, "-f")
    return _read(options).images[0]


def _plan_create(options: argparse.Namespace) -> Proposal:
    backing = _optional(options.backing)
    return plan_create(
        *(_path(options.path), options.format, options.size, options.option),
        *(backing, options.backing_format, _optional(options.key_file)),
    )


def _plan_convert(options: argparse.Namespace) -> Proposal:
    _top(options)
    wish = Conversion(
        *(_source(options), options.image_format, _path(options.output), options.to),
        *(options.compress, options.sparse, options.unordered, tuple(options.option)),
        *(options.cache, options.snapshot),
        *(_optional(options.backing), options.backing_format),
        options.protocol,
        *(_optional(options.key_file), _optional(options.source_key_file)),
    )
    asked = ReadRoom(wish.source, wish.source_format, wish.output, wish.output_format)
    room = imported(f"{_ROOM}:read_room")(asked).value
    return plan_convert(wish, room if isinstance(room, Room) else None)


def _plan_resize(options: argparse.Namespace) -> Proposal:
    now = _top(options).virtual_bytes or 0
    path = _path(options.image)
    return plan_resize(path, options.image_format, now, options.size, options.shrink)


def _plan_rebase(options: argparse.Namespace) -> Proposal:
    _top(options)
    backing = _optional(options.backing)
    return plan_rebase(
        *(_path(options.image), options.image_format, _read(options)),
        *(backing, options.backing_format, options.unsafe, options.cache),
    )


def _plan_commit(options: argparse.Namespace) -> Proposal:
    return plan_commit(_path(options.image), options.image_format, _top(options), options.cache)


def _plan_repair(options: argparse.Namespace) -> Proposal:
    _top(options)
    return plan_repair(
        _path(options.image), options.image_format, "all" if options.all else "leaks"
    )


def _plan_snapshot(options: argparse.Namespace) -> Proposal:
    image = _top(options)
    path, format_ = _path(options.image), options.image_format
    return plan_snapshot(path, format_, image, options.act, options.name)
