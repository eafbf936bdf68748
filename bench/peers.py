"""What an administrator would use otherwise; `scripts/peers.sh` brings what no package has."""

import json
import os
import shutil
import sys
from pathlib import Path

from bench.cases import PEER, Effort
from bench.load import write_node
from bench.plan import Case, Daemon, Plan, Series
from bench.rows import domain_name

_HOME = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
_BROUGHT = Path(os.environ.get("VCONSOLE_PEERS") or Path(_HOME, "vconsole-peers")) / "bin"


def peer_cases(effort: Effort, folder: Path) -> list[Case]:
    """Return virsh's commands, libvirt's own opening, virt-top and virtui-manager."""
    cases: list[Case] = []
    virsh, no_virsh = _found("virsh")
    for domains in effort.peer_loads:
        uri = write_node(folder, domains)
        for words in (("list", "--all"), ("vcpupin", domain_name(1)), ("freecell", "--all")):
            name = f"virsh {words[0]} n={domains}"
            cases.append(
                Case(name, (virsh, "-c", uri, *words), skip=no_virsh, group=PEER, rounds=1)
            )
        cases.append(virt_top(effort, f"virt-top n={domains}", uri))
        cases.append(_virtui_manager(effort, domains, uri, folder))
    for domains in effort.loads:
        argv = (sys.executable, "-m", "bench.open_probe", write_node(folder, domains))
        cases.append(Case(f"libvirt open n={domains}", argv, group=PEER))
    return cases


def virt_top(
    effort: Effort, name: str, uri: str, shown: str = r"vm-\d+", daemon: Daemon | None = None
) -> Case:
    """Return virt-top at one refresh a second; its keys switch between domains and pCPUs."""
    program, missing = _found("virt-top")
    views = tuple("10" * effort.moves)[: effort.moves]
    series = (Series("move", views),)
    plan = Plan(ready=shown, idle_s=effort.idle_s, series=series, quit=("q",), daemon=daemon)
    return Case(name, (program, "-c", uri, "-d", "1"), plan, skip=missing, group=PEER, rounds=1)


def _virtui_manager(effort: Effort, domains: int, uri: str, folder: Path) -> Case:
    """Return virtui-manager, which has no cursor in its list: tab goes through what there is."""
    program, missing = _found("virtui-manager")
    home = folder / f"virtui-{domains}"
    settings = home / ".config/virtui-manager/config.yaml"
    settings.parent.mkdir(parents=True)
    servers = [{"name": "bench", "uri": uri, "autoconnect": True}]
    logged = {"LOG_FILE_PATH": str(home / "log"), "STATS_INTERVAL": 1}
    settings.write_text(json.dumps({"servers": servers, **logged}))  # JSON is YAML
    plan = Plan(
        ready=domain_name(1),
        ready_limit_s=60.0,
        idle_s=effort.idle_s,
        series=(Series("move", ("Tab",) * effort.moves),),
        quit=("\x11",),  # ctrl+q: a letter may go into a field
    )
    env = {"HOME": str(home)}
    name = f"virtui-manager n={domains}"
    return Case(name, (program,), plan, env, skip=missing, group=PEER, rounds=1)


def virt_manager(effort: Effort, uri: str, daemon: Daemon) -> Case:
    """Return what virt-manager asks a daemon for once a second, without its window."""
    argv = (sys.executable, "-m", "bench.manager_way", uri)
    plan = Plan(ready="asks", idle_s=effort.idle_s, quit=("q\r",), daemon=daemon)
    return Case("virt-manager's calls daemon", argv, plan, group=PEER, rounds=1)


def _found(program: str) -> tuple[str, str]:
    """Return (how to start it, why it cannot be measured or nothing)."""
    path = shutil.which(program) or shutil.which(program, path=str(_BROUGHT))
    return path or program, "" if path else f"{program} is not here; see scripts/peers.sh"
