"""The pools that libvirt listed last, by connection: where one hangs, it lists none of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vconsole.features.storage.model.pool import PoolName
from vconsole.files.own import replace_text
from vconsole.files.places import state_dir


def remember(uri: str, names: Sequence[PoolName]) -> None:
    """Write them down where they are others than before; where that fails, none are known later."""
    path = _path()
    if path is None or uri.startswith("test:") or recall(uri) == tuple(names):
        return
    known = _known(path) | {uri: [[name.uuid, name.name] for name in names]}
    with suppress(OSError):
        replace_text(path, json.dumps(known))


def recall(uri: str) -> tuple[PoolName, ...]:
    """Those that were listed last; empty where nothing is known."""
    path = _path()
    with suppress(TypeError, ValueError):
        return tuple(PoolName(str(uuid), str(name)) for uuid, name in _known(path).get(uri, ()))
    return ()


def _path() -> Path | None:
    state = state_dir()
    return state / "pools.json" if state is not None else None


def _known(path: Path | None) -> dict[str, list[list[str]]]:
    try:
        found = json.loads(path.read_text("utf-8")) if path is not None else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
