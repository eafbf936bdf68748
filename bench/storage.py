"""Storage: a pool of ten thousand volumes by keyboard, and what a conversion costs beside qemu-img.

``python -m bench.storage volumes|convert`` measures one and writes one figure a line.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.keys import key_bytes, there_and_back
from bench.plan import Case, Series
from bench.press import measure_series
from bench.replay import Replay
from bench.screen import Screen
from bench.stats import Figures
from bench.terminal import Program

VOLUMES_NAME, CONVERT_NAME = "storage n=10000", "storage convert"
VOLUMES = 10_000
_COLUMNS, _ROWS = 120, 40
_MOVES = 40
_MIB = 1 << 20
_IMAGE_MIB = 1024
_ROUNDS = 21
_SMALL_ROUNDS = 41
_LIMIT_S = 20.0


def storage_cases() -> list[Case]:
    """Return both as commands to measure."""
    no_qemu_img = "" if shutil.which("qemu-img") else "qemu-img is not on PATH"
    argv = (sys.executable, "-m", "bench.storage")
    return [
        Case(VOLUMES_NAME, (*argv, "volumes"), group="vconsole", rounds=1),
        Case(CONVERT_NAME, (*argv, "convert"), group="vconsole", skip=no_qemu_img, rounds=1),
    ]


# ---- volumes


def node_with_pool(folder: Path, volumes: int) -> str:
    """Write a node file with one pool of so many volumes, and return its libvirt URI."""
    rows = "".join(
        f"<volume type='file'><name>v{number:05}.qcow2</name><capacity>1073741824</capacity>"
        f"<allocation>0</allocation><target><path>/bench/v{number:05}.qcow2</path>"
        "<format type='qcow2'/></target></volume>"
        for number in range(volumes)
    )
    path = folder / "storage.xml"
    path.write_text(
        "<node><pool type='dir'><name>bench</name>"
        "<uuid>33a5c045-645a-2c00-e56b-927cdf34e17b</uuid>"
        "<capacity>99999999999999</capacity><available>9999999999999</available>"
        f"<target><path>/bench</path></target>{rows}</pool></node>"
    )
    return f"test://{path}"


def libvirt_ms(uri: str) -> float:
    """How long libvirt itself takes to list the volumes by name."""
    import libvirt

    conn = libvirt.open(uri)
    try:
        pool = conn.storagePoolLookupByName("bench")
        began = time.perf_counter()
        names = [volume.name() for volume in pool.listAllVolumes(0)]
        took = time.perf_counter() - began
    finally:
        conn.close()
    assert len(names) == VOLUMES, "the node file has them all"
    return took * 1000


def measure_volumes(folder: Path) -> Figures:
    """Open the pool, and move in it."""
    uri = node_with_pool(folder, VOLUMES)
    state = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    argv = (sys.executable, "-m", "vconsole", "-c", uri)
    program = Program(argv, _COLUMNS, _ROWS, state)
    replay = Replay(program, Screen(_COLUMNS, _ROWS))
    try:
        _wait(program, replay, "live")
        program.write(key_bytes("6"))
        _wait(program, replay, r"bench .*running")
        began = time.perf_counter()
        program.write(key_bytes("Enter"))
        _wait(program, replay, f"{VOLUMES} volumes")
        took = (time.perf_counter() - began) * 1000
        program.wait_quiet(0.3, _LIMIT_S)
        keys = there_and_back("Down", "Up", 20, _MOVES)
        moves = measure_series(program, replay, Series("move", keys, by_highlight=True))
    finally:
        program.close()
    own = libvirt_ms(uri)
    figures = {name.replace(".", "_"): value for name, value in moves.items()}
    return {"list_ms": took, "libvirt_ms": own, "list_after_libvirt_ms": took - own, **figures}


def _wait(program: Program, replay: Replay, shown: str) -> None:
    """Read until the screen shows it."""
    until = time.perf_counter() + _LIMIT_S
    while time.perf_counter() < until and not program.ended:
        replay.catch_up()
        if replay.shows(re.compile(shown)):
            return
        program.read(0.05)
    lines = "\n".join(replay.screen.lines())
    raise SystemExit(f"{shown!r} was not shown:\n{lines}")


# ---- convert


def measure_convert(folder: Path) -> Figures:
    """Convert the same image by qemu-img alone and by us, by turns.

    The large one lies in memory: a disk that others use takes 0.5 s for it once and 3 s another
    time, by the same qemu-img. What names and syncs add on the disk is measured by a small one.
    """
    with tempfile.TemporaryDirectory(prefix="storage-", dir="/dev/shm") as memory:
        large = _pairs(Path(memory), _IMAGE_MIB, _ROUNDS)
    small = _pairs(folder, 1, _SMALL_ROUNDS)
    slower = statistics.median(100 * (ours / alone - 1) for alone, ours in large)
    return {
        "qemu_img_ms": 1000 * statistics.median(alone for alone, _ in large),
        "ours_ms": 1000 * statistics.median(ours for _, ours in large),
        "slower_pct": max(0.0, slower),
        "disk_more_ms": 1000 * statistics.median(ours - alone for alone, ours in small),
    }


def _pairs(folder: Path, mib: int, rounds: int) -> list[tuple[float, float]]:
    """Seconds of qemu-img alone, and of ours, for an image of noise; whoever is first changes."""
    source, output = folder / "source.raw", folder / "out.qcow2"
    with source.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(_MIB))
    _ours(source, output)  # what is imported once is no part of it
    return [_pair(source, output, bool(number % 2)) for number in range(rounds)]


def _pair(source: Path, output: Path, alone_first: bool) -> tuple[float, float]:
    took = {}
    for work in (_alone, _ours) if alone_first else (_ours, _alone):
        output.unlink()
        os.sync()
        began = time.perf_counter()
        work(source, output)
        took[work] = time.perf_counter() - began
    return took[_alone], took[_ours]


def _alone(source: Path, output: Path) -> None:
    line = ("qemu-img", "convert", "-p", "-f", "raw", "-O", "qcow2", str(source), str(output))
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    with output.open("rb") as file:
        os.fsync(file.fileno())  # ours is named when it is on the disk


def _ours(source: Path, output: Path) -> None:
    from vconsole.features.storage.host.images import work_on_image
    from vconsole.features.storage.model.image_plan import Conversion, plan_convert

    wish = Conversion(str(source), "raw", str(output), "qcow2")
    (change,) = plan_convert(wish).changes
    here: Any = SimpleNamespace(connection=SimpleNamespace(local=True))
    work: Any = change
    reply = work_on_image(here, work)
    if reply.status != "applied":
        raise SystemExit(reply.message)


def main() -> None:
    """Print the figures of one run."""
    measured = {"volumes": measure_volumes, "convert": measure_convert}[sys.argv[1]]
    with tempfile.TemporaryDirectory(prefix="storage-", dir="/var/tmp") as folder:
        for name, value in measured(Path(folder)).items():
            print(f"{name}={value:.3f}")


if __name__ == "__main__":
    main()
