"""``vconsole pool ...`` and ``vconsole volume ...``: as the pages of storage do it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from vconsole.changes.dispatcher import Request
from vconsole.changes.host_requests import HostRequests
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asking, change, longest_s
from vconsole.cli.report import DONE, REFUSED, CliError, print_columns, print_json
from vconsole.features.storage.model.change import POOL_ACTIONS, PoolAction
from vconsole.features.storage.model.forms import POOL_TYPES
from vconsole.features.storage.model.plan import (
    FORMATS,
    PREALLOCATIONS,
    PoolWish,
    VolumeWish,
    plan_clone,
    plan_create,
    plan_define,
    plan_pool,
    plan_resize,
    plan_transfer,
    plan_volume,
)
from vconsole.features.storage.model.pool import (
    FindVolume,
    FoundVolume,
    Pool,
    PoolName,
    ReadPool,
    ReadPools,
    ReadUsers,
    ReadVolumeDetails,
    ReadVolumes,
    Volume,
)
from vconsole.features.storage.model.users import Users
from vconsole.features.storage.words import (
    POOL_COLUMNS,
    POOL_USERS,
    VOLUME_COLUMNS,
    PoolRow,
    VolumeRow,
)
from vconsole.host.source import HostSource, View
from vconsole.model.proposal import Proposal
from vconsole.text import safe, size

V = TypeVar("V")
Plan = Callable[[argparse.Namespace, HostRequests], Proposal]
_DAY_S: Final = 24 * 3600.0
_AT_ONCE: Final = 200


def add_parsers(commands: Commands) -> None:
    """Add both words."""
    pool = commands.add_parser("pool", help="storage pools: list, define, start, stop and more")
    acts = pool.add_subparsers(dest="action", required=True, metavar="ACTION")
    _reading(acts, "list", "list the pools and who uses them", _list_pools)
    for action in POOL_ACTIONS:
        word = action.replace(" ", "-")
        one = _changing(acts, word, f"{POOL_ACTIONS[action].title}", _plan_pool)
        one.add_argument("pool", metavar="POOL", help="its name or UUID")
        one.set_defaults(pool_action=action)
    _add_define(_changing(acts, "define", "define a pool", _plan_define))
    _add_volume(commands)


def _add_volume(commands: Commands) -> None:
    volume = commands.add_parser("volume", help="volumes: list, create, clone, resize and more")
    acts = volume.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = _reading(acts, "list", "list the volumes of a pool and who uses them", _list_volumes)
    listing.add_argument("pool", metavar="POOL", help="its name or UUID")
    show = _reading(acts, "show", "show the names of a volume and who uses it", _show_volume)
    show.add_argument("volume", metavar="VOLUME", help="POOL/NAME, a path or a key")
    for word in ("name", "path", "key", "pool"):
        name = _reading(acts, word, f"print the {word} of a volume", _print_name)
        name.add_argument("volume", metavar="VOLUME", help="POOL/NAME, a path or a key")
    _add_create(_changing(acts, "create", "create a volume", _plan_create))
    for action in ("wipe", "delete"):
        one = _changing(acts, action, f"{action} a volume that nobody uses", _plan_volume)
        one.add_argument("volume", metavar="VOLUME", help="POOL/NAME, a path or a key")
    clone = _changing(acts, "clone", "copy a volume within its pool", _plan_clone)
    clone.add_argument("volume", metavar="VOLUME", help="POOL/NAME, a path or a key")
    clone.add_argument("name", metavar="NAME", help="the copy's name")
    for word, help_ in (
        ("upload", "write a volume from a file of this machine"),
        ("download", "read a volume into a file of this machine"),
    ):
        one = _changing(acts, word, help_, _plan_transfer)
        one.add_argument("volume", metavar="VOLUME", help="POOL/NAME, a path or a key")
        one.add_argument("file", metavar="FILE", help="on this machine")
    resize = _changing(acts, "resize", "give a volume another capacity", _plan_resize)
    resize.add_argument("volume", metavar="VOLUME", help="POOL/NAME, a path or a key")
    resize.add_argument("capacity", metavar="SIZE", help="20GiB, or +5GiB more")
    resize.add_argument("--shrink", action="store_true", help="what lies behind is lost")


def _reading(
    acts: Commands, word: str, help_: str, run: Callable[..., int]
) -> argparse.ArgumentParser:
    parser = acts.add_parser(word, help=help_)
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.set_defaults(run=run)
    return parser


def _changing(acts: Commands, word: str, help_: str, plan: Plan) -> argparse.ArgumentParser:
    parser = acts.add_parser(word, help=help_)
    add_connection_arguments(parser, argparse.SUPPRESS)
    add_change_arguments(parser)
    parser.set_defaults(run=_change, plan=plan, longest=lambda _: longest_s(1, _DAY_S))
    return parser


def _add_define(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the pool")
    parser.add_argument("--type", choices=tuple(POOL_TYPES), default="dir")
    fields = {field.id: field for kind in POOL_TYPES.values() for field in kind.fields}
    for field in fields.values():
        parser.add_argument(f"--{field.id}", dest=f"field_{field.id}", help=f"{field.title}")
    parser.add_argument("--build", action="store_true", help="build it as well")
    parser.add_argument("--no-start", action="store_true", help="leave it inactive")
    parser.add_argument("--no-autostart", action="store_true", help="do not start with the host")


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", metavar="POOL", help="its name or UUID")
    parser.add_argument("name", metavar="NAME", help="of the volume")
    parser.add_argument("capacity", metavar="SIZE", help="20GiB")
    parser.add_argument("--format", choices=FORMATS, default="qcow2")
    parser.add_argument("--preallocate", choices=PREALLOCATIONS, default="none")
    parser.add_argument("--backing", default="", metavar="PATH", help="the image it is based on")
    parser.add_argument("--backing-format", default="", help="the format of that image")
    parser.add_argument("--cluster-kib", type=int, default=0, help="cluster size of qcow2")


# ---- reading


def _answer(host: HostRequests, request: Request, kind: type[V]) -> V:
    reply = ask(host, request)
    if not isinstance(reply.value, kind):
        raise CliError(reply.message or "no answer")
    return reply.value


def _pools(host: HostRequests) -> tuple[tuple[PoolName, Pool | None, str], ...]:
    """Name, what was read, and why it could not be, of each pool."""
    found = []
    for name in _answer(host, ReadPools(), tuple):
        reply = ask(host, ReadPool(name.uuid))
        found.append((name, reply.value if isinstance(reply.value, Pool) else None, reply.message))
    return tuple(found)


def _pool(host: HostRequests, word: str) -> Pool:
    for name in _answer(host, ReadPools(), tuple):
        if word in (name.name, name.uuid):
            return _answer(host, ReadPool(name.uuid), Pool)
    raise CliError(f"no pool {word!r}")


def _find(host: HostRequests, text: str) -> FoundVolume:
    return _answer(host, FindVolume(text), FoundVolume)


def _users(host: HostRequests, snapshots: bool = False) -> Users:
    return _answer(host, ReadUsers(snapshots), Users)


def _list_pools(options: argparse.Namespace, source: HostSource) -> int:
    with asking(options) as host:
        found, users = _pools(host), _users(host)
    if options.json:
        rows = [
            {"pool": pool or name, "used_by": users.of_pool(pool) if pool else (), "problem": why}
            for name, pool, why in found
        ]
        print_json({"pools": rows})
        return DONE
    print_columns((*POOL_COLUMNS, POOL_USERS), [_pool_row(*each, users) for each in found])
    for name, _, why in found:
        if why:
            print(safe(f"{name.name}: {why}"))
    return DONE


def _pool_row(name: PoolName, pool: Pool | None, why: str, users: Users) -> PoolRow:
    pool = pool or Pool(name.uuid, name.name)
    return PoolRow(pool, None, why, users.of_pool(pool))


def _volumes(host: HostRequests, pool: Pool) -> dict[str, Volume]:
    names: tuple[str, ...] = _answer(host, ReadVolumes(pool.uuid), tuple)
    found: dict[str, Volume] = {}
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        found |= _answer(host, ReadVolumeDetails(pool.uuid, part), dict)
    return found


def _list_volumes(options: argparse.Namespace, source: HostSource) -> int:
    with asking(options) as host:
        pool = _pool(host, options.pool)
        found, users = _volumes(host, pool), _users(host)
        why = ask(host, ReadVolumes(pool.uuid)).message
    if options.json:
        rows = [{"volume": v, "used_by": users.of(pool, v)} for v in found.values()]
        print_json({"pool": pool.name, "volumes": rows})
        return DONE
    print_columns(VOLUME_COLUMNS, [VolumeRow(v.name, v, users.of(pool, v)) for v in found.values()])
    if why:
        print(safe(why))
    return DONE


def _show_volume(options: argparse.Namespace, source: HostSource) -> int:
    with asking(options) as host:
        found, users = _find(host, options.volume), _users(host, snapshots=True)
    used = users.of(found.pool, found.volume)
    if options.json:
        print_json({"pool": found.pool.name, "volume": found.volume, "used_by": used})
        return DONE
    v = found.volume
    rows: list[tuple[str, Any]] = [
        ("name", v.name),
        ("pool", found.pool.name),
        ("path", v.path),
        *((("leads to", v.leads_to),) if v.leads_to else ()),
        ("key", v.key),
        ("format", v.format),
        ("capacity", size(v.capacity_bytes)),
        ("allocation", size(v.allocation_bytes)),
        ("based on", v.backing or None),
        ("used by", ", ".join(map(str, used)) or None),
    ]
    for title, value in rows:
        print(f"{title:<12}{safe(str(value)) if value is not None else '-'}")
    return DONE


def _print_name(options: argparse.Namespace, source: HostSource) -> int:
    with asking(options) as host:
        found = _find(host, options.volume)
    names = {"pool": found.pool.name}
    value = names.get(options.action) or getattr(found.volume, options.action)
    print_json(value) if options.json else print(safe(value))
    return DONE


# ---- changing


def _change(options: argparse.Namespace, source: HostSource) -> int:
    connection = source.read(View("domains")).connection
    with asking(options) as host:
        try:
            proposal = options.plan(options, host)
        except ValueError as error:
            raise CliError(str(error), REFUSED) from error
        return change(options, connection, host, proposal)


def _plan_pool(options: argparse.Namespace, host: HostRequests) -> Proposal:
    action: PoolAction = options.pool_action
    return plan_pool(_pool(host, options.pool), action, _users(host))


def _plan_define(options: argparse.Namespace, host: HostRequests) -> Proposal:
    fields = tuple(
        (field.id, getattr(options, f"field_{field.id}") or field.default)
        for field in POOL_TYPES[options.type].fields
    )
    start, auto = not options.no_start, not options.no_autostart
    wish = PoolWish(options.type, options.name, fields, options.build, start, auto)
    return plan_define(wish, tuple(pool for _, pool, _ in _pools(host) if pool is not None))


def _plan_create(options: argparse.Namespace, host: HostRequests) -> Proposal:
    pool = _pool(host, options.pool)
    names: tuple[str, ...] = _answer(host, ReadVolumes(pool.uuid), tuple)
    wish = VolumeWish(
        *(options.name, options.capacity, options.format, options.preallocate),
        *(options.backing, options.backing_format, options.cluster_kib),
    )
    return plan_create(pool, names, wish)


def _plan_volume(options: argparse.Namespace, host: HostRequests) -> Proposal:
    found = _find(host, options.volume)
    others = _volumes(host, found.pool).values()
    users = _users(host, snapshots=True)
    return plan_volume(found.pool, found.volume, options.action, users, others)


def _plan_clone(options: argparse.Namespace, host: HostRequests) -> Proposal:
    found = _find(host, options.volume)
    names: tuple[str, ...] = _answer(host, ReadVolumes(found.pool.uuid), tuple)
    return plan_clone(found.pool, names, found.volume, options.name, _users(host))


def _plan_resize(options: argparse.Namespace, host: HostRequests) -> Proposal:
    found = _find(host, options.volume)
    return plan_resize(found.pool, found.volume, options.capacity, options.shrink, _users(host))


def _plan_transfer(options: argparse.Namespace, host: HostRequests) -> Proposal:
    found, path = _find(host, options.volume), os.path.abspath(options.file)
    upload = options.action == "upload"
    size_bytes = os.stat(path).st_size if upload and os.path.isfile(path) else None
    return plan_transfer(found.pool, found.volume, path, upload, size_bytes, _users(host))
